// How much memory the private Postgres gets. For this room only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ct::sql {

// What this process and its children may use, in bytes: the machine's, or the
// limit of their control group if that is less. 0: nobody knows.
[[nodiscard]] std::uint64_t usable_memory();

// The limit in the text that a control group has it in; UINT64_MAX if it sets
// none.
[[nodiscard]] std::uint64_t memory_limit(std::string_view memory_max);

// Its own cache: an eighth of that, so that the kernel's and everybody else
// have the rest; from 32 MB to 1 GB. As Postgres has it, "128MB".
[[nodiscard]] std::string shared_buffers(std::uint64_t memory);

}  // namespace ct::sql
