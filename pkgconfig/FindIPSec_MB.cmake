# SPDX-License-Identifier: MIT
# Intel's multi-buffer library: IPSec_MB::IPSec_MB.  It brings neither a
# CMake package nor a .pc file.
find_path(IPSec_MB_INCLUDE_DIR intel-ipsec-mb.h)
find_library(IPSec_MB_LIBRARY IPSec_MB)
mark_as_advanced(IPSec_MB_INCLUDE_DIR IPSec_MB_LIBRARY)

if(IPSec_MB_INCLUDE_DIR)
	file(STRINGS "${IPSec_MB_INCLUDE_DIR}/intel-ipsec-mb.h" IPSec_MB_VERSION
		REGEX "^#define IMB_VERSION_STR +\"")
	string(REGEX REPLACE ".*\"([0-9.]+).*" "\\1" IPSec_MB_VERSION
		"${IPSec_MB_VERSION}")
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(IPSec_MB
	REQUIRED_VARS IPSec_MB_LIBRARY IPSec_MB_INCLUDE_DIR
	VERSION_VAR IPSec_MB_VERSION)

if(IPSec_MB_FOUND AND NOT TARGET IPSec_MB::IPSec_MB)
	add_library(IPSec_MB::IPSec_MB UNKNOWN IMPORTED)
	set_target_properties(IPSec_MB::IPSec_MB PROPERTIES
		IMPORTED_LOCATION "${IPSec_MB_LIBRARY}"
		INTERFACE_INCLUDE_DIRECTORIES "${IPSec_MB_INCLUDE_DIR}")
endif()
