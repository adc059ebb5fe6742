# SPDX-License-Identifier: MIT
# One backend in a program, and one of OpenSSL and BoringSSL, which have the
# same names.  CMake's own KTLS_BACKEND property does not know OpenSSL::SSL,
# nor what a library of the project links with PRIVATE; and either may be
# found later than ktls, and elsewhere.  So this looks at the whole project
# when all of it was read.  It takes what is written there for what will be
# linked with, and does not judge generator expressions.

# Older ones have no end of a project to wait for.
if(CMAKE_VERSION VERSION_LESS 3.19)
	return()
endif()
cmake_policy(PUSH)
cmake_policy(VERSION 3.19)

# What a name in a list of libraries brings: `backend` of ours, `tls` library.
function(ktls_brings item backend tls)
	set(ours "")
	set(theirs "")
	if(item MATCHES "^ktls::ktls(-boringssl|-none)?(-static)?$")
		string(REPLACE "-" "" ours "${CMAKE_MATCH_1}")
		if(NOT ours)
			set(ours openssl)
		endif()
		if(NOT ours STREQUAL "none")
			set(theirs ${ours})
		endif()
	elseif(item MATCHES "^BoringSSL::")
		set(theirs boringssl)
	elseif(item MATCHES "^OpenSSL::(SSL|Crypto)$" OR
			item STREQUAL "${OPENSSL_SSL_LIBRARY}" OR
			item STREQUAL "${OPENSSL_CRYPTO_LIBRARY}")
		set(theirs openssl)
		# FindOpenSSL takes BoringSSL too, when it is shown the way
		if(EXISTS "${OPENSSL_INCLUDE_DIR}/openssl/is_boringssl.h")
			set(theirs boringssl)
		endif()
	endif()
	set(${backend} "${ours}" PARENT_SCOPE)
	set(${tls} "${theirs}" PARENT_SCOPE)
endfunction()

# All that a target is linked with, and what its libraries are, PRIVATE or not.
function(ktls_closure target out)
	set(todo "${target}")
	set(done)
	while(todo)
		list(POP_FRONT todo item)
		string(REGEX REPLACE "^\\$<LINK_ONLY:(.*)>$" "\\1" item "${item}")
		if(item IN_LIST done)
			continue()
		endif()
		list(APPEND done "${item}")
		if(NOT TARGET "${item}")
			continue()
		endif()
		foreach(property LINK_LIBRARIES INTERFACE_LINK_LIBRARIES)
			get_target_property(more "${item}" ${property})
			if(more)
				list(APPEND todo ${more})
			endif()
		endforeach()
	endwhile()
	set(${out} "${done}" PARENT_SCOPE)
endfunction()

function(ktls_check_target target)
	set(backends)
	set(libraries)
	set(names)
	ktls_closure("${target}" items)
	foreach(item IN LISTS items)
		ktls_brings("${item}" backend tls)
		list(APPEND backends ${backend})
		list(APPEND libraries ${tls})
		if(backend OR tls)
			list(APPEND names "${item}")
		endif()
	endforeach()
	list(REMOVE_DUPLICATES backends)
	list(REMOVE_DUPLICATES libraries)
	list(LENGTH backends n_backends)
	list(LENGTH libraries n_libraries)
	if(n_backends GREATER 1 OR (n_backends AND n_libraries GREATER 1))
		list(JOIN names ", " names)
		message(SEND_ERROR "${target} links with ${names}: one program "
			"has one of ktls, ktls-boringssl and ktls-none, and "
			"one of OpenSSL and BoringSSL")
	endif()
endfunction()

function(ktls_check_directory directory)
	get_property(targets DIRECTORY "${directory}"
		PROPERTY BUILDSYSTEM_TARGETS)
	foreach(target IN LISTS targets)
		get_target_property(type "${target}" TYPE)
		if(type MATCHES "^(EXECUTABLE|SHARED_LIBRARY|MODULE_LIBRARY)$")
			ktls_check_target("${target}")
		endif()
	endforeach()
	get_property(below DIRECTORY "${directory}" PROPERTY SUBDIRECTORIES)
	foreach(directory IN LISTS below)
		ktls_check_directory("${directory}")
	endforeach()
endfunction()

get_property(ktls_is_checked GLOBAL PROPERTY KTLS_IS_CHECKED)
if(NOT ktls_is_checked)
	set_property(GLOBAL PROPERTY KTLS_IS_CHECKED TRUE)
	cmake_language(DEFER DIRECTORY "${CMAKE_SOURCE_DIR}"
		CALL ktls_check_directory "${CMAKE_SOURCE_DIR}")
endif()
cmake_policy(POP)
