# FindAvroC: finds the Avro C library, which has no CMake files in Debian 12.
#
#   find_package(AvroC)
#
# Target: AvroC::AvroC. Result: AvroC_FOUND. AvroC_ROOT is searched first.

include(FindPackageHandleStandardArgs)

find_path(AvroC_INCLUDE_DIR avro.h)
find_library(AvroC_LIBRARY avro)
mark_as_advanced(AvroC_INCLUDE_DIR AvroC_LIBRARY)

find_package_handle_standard_args(AvroC REQUIRED_VARS AvroC_LIBRARY AvroC_INCLUDE_DIR)

if(AvroC_FOUND AND NOT TARGET AvroC::AvroC)
  add_library(AvroC::AvroC UNKNOWN IMPORTED)
  set_target_properties(AvroC::AvroC PROPERTIES
    IMPORTED_LOCATION "${AvroC_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${AvroC_INCLUDE_DIR}")
endif()
