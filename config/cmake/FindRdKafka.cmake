# FindRdKafka: finds librdkafka, which has no CMake files in Debian 12.
#
#   find_package(RdKafka [version] [COMPONENTS c c++])
#
# Targets: RdKafka::rdkafka (the C interface), RdKafka::rdkafka++ (the C++ interface).
# Results: RdKafka_FOUND, RdKafka_VERSION, RdKafka_<component>_FOUND. RdKafka_ROOT is searched first.

include(FindPackageHandleStandardArgs)

if(NOT RdKafka_FIND_COMPONENTS)
  set(RdKafka_FIND_COMPONENTS c)
endif()

find_path(RdKafka_INCLUDE_DIR librdkafka/rdkafka.h)
find_library(RdKafka_LIBRARY rdkafka)
find_library(RdKafka_cpp_LIBRARY rdkafka++)
mark_as_advanced(RdKafka_INCLUDE_DIR RdKafka_LIBRARY RdKafka_cpp_LIBRARY)

set(RdKafka_VERSION "")
if(RdKafka_INCLUDE_DIR)
  # Four bytes, 0xMMmmrrpp; the last one identifies pre-releases.
  file(STRINGS "${RdKafka_INCLUDE_DIR}/librdkafka/rdkafka.h" _rdkafka_line
    REGEX "^#define RD_KAFKA_VERSION +0x[0-9a-fA-F]+")
  if(_rdkafka_line MATCHES "0x([0-9a-fA-F][0-9a-fA-F])([0-9a-fA-F][0-9a-fA-F])([0-9a-fA-F][0-9a-fA-F])")
    math(EXPR _rdkafka_major "0x${CMAKE_MATCH_1}")
    math(EXPR _rdkafka_minor "0x${CMAKE_MATCH_2}")
    math(EXPR _rdkafka_patch "0x${CMAKE_MATCH_3}")
    set(RdKafka_VERSION "${_rdkafka_major}.${_rdkafka_minor}.${_rdkafka_patch}")
  endif()
endif()

if(RdKafka_INCLUDE_DIR AND RdKafka_LIBRARY)
  set(RdKafka_c_FOUND TRUE)
  if(RdKafka_cpp_LIBRARY)
    set(RdKafka_c++_FOUND TRUE)
  endif()
endif()

find_package_handle_standard_args(RdKafka
  REQUIRED_VARS RdKafka_LIBRARY RdKafka_INCLUDE_DIR
  VERSION_VAR RdKafka_VERSION
  HANDLE_COMPONENTS)

if(RdKafka_FOUND)
  find_package(Threads REQUIRED)
  if(NOT TARGET RdKafka::rdkafka)
    add_library(RdKafka::rdkafka UNKNOWN IMPORTED)
    set_target_properties(RdKafka::rdkafka PROPERTIES
      IMPORTED_LOCATION "${RdKafka_LIBRARY}"
      INTERFACE_INCLUDE_DIRECTORIES "${RdKafka_INCLUDE_DIR}"
      INTERFACE_LINK_LIBRARIES Threads::Threads)
  endif()
  if(RdKafka_c++_FOUND AND NOT TARGET RdKafka::rdkafka++)
    add_library(RdKafka::rdkafka++ UNKNOWN IMPORTED)
    set_target_properties(RdKafka::rdkafka++ PROPERTIES
      IMPORTED_LOCATION "${RdKafka_cpp_LIBRARY}"
      INTERFACE_INCLUDE_DIRECTORIES "${RdKafka_INCLUDE_DIR}"
      INTERFACE_LINK_LIBRARIES RdKafka::rdkafka)
  endif()
endif()
