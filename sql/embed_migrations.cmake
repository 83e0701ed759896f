# Writes OUT, a source file that holds the SQL files in FILES (separated by
# commas): cmake -DOUT=… -DFILES=… -P embed_migrations.cmake
string(REPLACE "," ";" FILES "${FILES}")
set(entries "")
set(expected 1)
foreach(file IN LISTS FILES)
  get_filename_component(stem ${file} NAME_WE)
  if(NOT stem MATCHES "^([0-9][0-9][0-9][0-9])_([a-z0-9_]+)$")
    message(FATAL_ERROR "${file}: not named NNNN_name.sql")
  endif()
  set(name ${CMAKE_MATCH_2})
  math(EXPR version "1${CMAKE_MATCH_1} - 10000")
  if(NOT version EQUAL expected)
    message(FATAL_ERROR "${file}: expected migration number ${expected}")
  endif()
  math(EXPR expected "${expected} + 1")
  file(READ ${file} sql)
  string(APPEND entries
         "    {${version}, \"${name}\", R\"migration(${sql})migration\"},\n")
endforeach()
file(WRITE ${OUT}
"// Made from sql/migrations by sql/embed_migrations.cmake.
#include \"sql/migrations.h\"

namespace ct::sql {
namespace {
constexpr Migration kMigrations[] = {
${entries}};
}  // namespace

std::span<const Migration> migrations() { return kMigrations; }

}  // namespace ct::sql
")
