#include "base/address.h"

namespace ct {
namespace {

struct Block {
  std::array<std::uint8_t, 16> prefix;
  unsigned bits;
};

// The IANA registries of special-purpose addresses (RFC 6890), and multicast.
constexpr Block kPrivate4[] = {
    {{0}, 8},              // this network
    {{10}, 8},             // RFC 1918
    {{100, 64}, 10},       // shared by carriers, RFC 6598
    {{127}, 8},            // loopback
    {{169, 254}, 16},      // link-local
    {{172, 16}, 12},       // RFC 1918
    {{192, 0, 0}, 24},     // protocol assignments
    {{192, 0, 2}, 24},     // documentation
    {{192, 168}, 16},      // RFC 1918
    {{198, 18}, 15},       // benchmarking
    {{198, 51, 100}, 24},  // documentation
    {{203, 0, 113}, 24},   // documentation
    {{224}, 4},            // multicast
    {{240}, 4},            // reserved, broadcast
};
constexpr Block kPrivate6[] = {
    {{0}, 96},                             // unspecified, loopback, old IPv4
    {{0x00, 0x64, 0xff, 0x9b, 0, 1}, 48},  // local NAT64
    {{0x01, 0x00}, 64},                    // discard
    {{0x20, 0x01, 0, 0}, 23},              // Teredo and other assignments
    {{0x20, 0x01, 0x0d, 0xb8}, 32},        // documentation
    {{0x3f, 0xff, 0x00}, 20},              // documentation
    {{0x5f, 0x00}, 16},                    // segment routing
    {{0xfc}, 7},                           // unique local
    {{0xfe, 0x80}, 10},                    // link-local
    {{0xfe, 0xc0}, 10},                    // site-local, deprecated
    {{0xff}, 8},                           // multicast
};
// IPv6 blocks that stand for an IPv4 address, and where it begins in them.
struct Embedding {
  Block block;
  std::size_t offset;
};
constexpr Embedding kEmbeddings[] = {
    {{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96}, 12},  // mapped
    {{{0x00, 0x64, 0xff, 0x9b}, 96}, 12},                    // NAT64
    {{{0x20, 0x02}, 16}, 2},                                 // 6to4
};

bool contains(const Block& block, ByteView address) {
  for (unsigned bit = 0; bit < block.bits; bit += 8) {
    const unsigned left = std::min(8u, block.bits - bit);
    const unsigned mask = 0xff00u >> left & 0xff;
    if ((address[bit / 8] ^ block.prefix[bit / 8]) & mask) return false;
  }
  return true;
}

bool in_any(std::span<const Block> blocks, ByteView address) {
  return std::any_of(blocks.begin(), blocks.end(), [&](const Block& block) {
    return contains(block, address);
  });
}

}  // namespace

bool is_private_address(ByteView address) {
  if (address.size() == 4) return in_any(kPrivate4, address);
  if (address.size() != 16) return true;
  for (const Embedding& e : kEmbeddings) {
    if (contains(e.block, address)) {
      return in_any(kPrivate4, address.subspan(e.offset, 4));
    }
  }
  return in_any(kPrivate6, address);
}

}  // namespace ct
