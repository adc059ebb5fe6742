/* SPDX-License-Identifier: MIT */
/* For cppcheck, which reads no system header: macros that it trips over. */
#define LIST_HEAD(name, type) struct name { struct type *lh_first; }
#define LIST_ENTRY(type) struct { struct type *le_next, **le_prev; }
