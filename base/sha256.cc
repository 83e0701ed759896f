#include "base/sha256.h"

#include <openssl/evp.h>

#include <initializer_list>
#include <new>

namespace ct {
namespace {

// Looking an algorithm up by name takes longer than hashing a leaf.
const EVP_MD* algorithm() {
  static const EVP_MD* const md = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  if (md == nullptr) throw std::bad_alloc();
  return md;
}

class Context {
 public:
  Context() : ctx_(EVP_MD_CTX_new()) {
    if (ctx_ == nullptr) throw std::bad_alloc();
  }
  ~Context() { EVP_MD_CTX_free(ctx_); }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  Hash hash(std::initializer_list<ByteView> parts) {
    bool good = EVP_DigestInit_ex2(ctx_, algorithm(), nullptr) == 1;
    for (const ByteView part : parts) {
      good = good && EVP_DigestUpdate(ctx_, part.data(), part.size()) == 1;
    }
    Hash out;
    good = good && EVP_DigestFinal_ex(ctx_, out.data(), nullptr) == 1;
    // With a digest that exists, only memory can be lacking.
    if (!good) throw std::bad_alloc();
    return out;
  }

 private:
  EVP_MD_CTX* ctx_;
};

Hash hash(std::initializer_list<ByteView> parts) {
  thread_local Context context;
  return context.hash(parts);
}

}  // namespace

Hash sha256(ByteView data) { return hash({data}); }

Hash sha256(ByteView a, ByteView b) { return hash({a, b}); }

Hash sha256_node(const Hash& left, const Hash& right) {
  constexpr std::uint8_t kNode[] = {1};
  return hash({kNode, left, right});
}

void sha256_many(ByteView prefix, std::span<const ByteView> messages,
                 Hash* out) {
  for (const ByteView message : messages) *out++ = hash({prefix, message});
}

}  // namespace ct
