/* SPDX-License-Identifier: MIT */
/* The same program: it is valid C++11 too. */
#include "consumer.c"
