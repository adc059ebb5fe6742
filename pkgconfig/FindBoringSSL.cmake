# SPDX-License-Identifier: MIT
# BoringSSL: BoringSSL::SSL and BoringSSL::Crypto.  It brings neither a CMake
# package nor a .pc file.  Debian's (android-libboringssl-dev) is in folders
# called "android", because its files are named as OpenSSL's.
find_path(BoringSSL_INCLUDE_DIR openssl/is_boringssl.h
	PATH_SUFFIXES android boringssl)
set(BoringSSL_suffixes android boringssl
	"${CMAKE_LIBRARY_ARCHITECTURE}/android")
find_library(BoringSSL_SSL_LIBRARY ssl
	PATH_SUFFIXES ${BoringSSL_suffixes})
if(BoringSSL_SSL_LIBRARY)
	get_filename_component(BoringSSL_dir "${BoringSSL_SSL_LIBRARY}"
		DIRECTORY)
	# its own, never OpenSSL's
	find_library(BoringSSL_CRYPTO_LIBRARY crypto
		PATHS "${BoringSSL_dir}" NO_DEFAULT_PATH)
endif()
mark_as_advanced(BoringSSL_INCLUDE_DIR BoringSSL_SSL_LIBRARY
	BoringSSL_CRYPTO_LIBRARY)

if(BoringSSL_INCLUDE_DIR)
	file(STRINGS "${BoringSSL_INCLUDE_DIR}/openssl/base.h" BoringSSL_VERSION
		REGEX "^#define BORINGSSL_API_VERSION [0-9]+")
	string(REGEX REPLACE "[^0-9]" "" BoringSSL_VERSION
		"${BoringSSL_VERSION}")
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(BoringSSL
	REQUIRED_VARS BoringSSL_SSL_LIBRARY BoringSSL_CRYPTO_LIBRARY
		BoringSSL_INCLUDE_DIR
	VERSION_VAR BoringSSL_VERSION)

foreach(part Crypto SSL)
	string(TOUPPER "${part}" upper)
	if(BoringSSL_FOUND AND NOT TARGET BoringSSL::${part})
		add_library(BoringSSL::${part} UNKNOWN IMPORTED)
		set_target_properties(BoringSSL::${part} PROPERTIES
			IMPORTED_LOCATION "${BoringSSL_${upper}_LIBRARY}"
			INTERFACE_INCLUDE_DIRECTORIES
			"${BoringSSL_INCLUDE_DIR}")
	endif()
endforeach()
if(BoringSSL_FOUND)
	set_property(TARGET BoringSSL::SSL PROPERTY
		INTERFACE_LINK_LIBRARIES BoringSSL::Crypto)
endif()
