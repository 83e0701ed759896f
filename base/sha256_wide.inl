// SHA-256 of as many messages as a vector has 32-bit elements. Included by
// the file of each instruction set, behind its `Vector` (load, store, add,
// rotate, shift, xor3, choose, majority, broadcast, load_blocks) and its
// CT_TARGET; all this has internal linkage.

CT_INLINE Vector::V big_sigma0(Vector::V x) {
  return Vector::xor3(Vector::rotate<2>(x), Vector::rotate<13>(x),
                      Vector::rotate<22>(x));
}
CT_INLINE Vector::V big_sigma1(Vector::V x) {
  return Vector::xor3(Vector::rotate<6>(x), Vector::rotate<11>(x),
                      Vector::rotate<25>(x));
}
CT_INLINE Vector::V small_sigma0(Vector::V x) {
  return Vector::xor3(Vector::rotate<7>(x), Vector::rotate<18>(x),
                      Vector::shift<3>(x));
}
CT_INLINE Vector::V small_sigma1(Vector::V x) {
  return Vector::xor3(Vector::rotate<17>(x), Vector::rotate<19>(x),
                      Vector::shift<10>(x));
}

// FIPS 180-4, section 6.2.2, step 3, without moving a to h: the caller names
// them anew for each round.
CT_INLINE void one_round(Vector::V a, Vector::V b, Vector::V c, Vector::V& d,
                         Vector::V e, Vector::V f, Vector::V g, Vector::V& h,
                         Vector::V w, std::uint32_t k) {
  const Vector::V t1 = Vector::add(
      Vector::add(Vector::add(h, Vector::add(w, Vector::broadcast(k))),
                  Vector::choose(e, f, g)),
      big_sigma1(e));
  d = Vector::add(d, t1);
  h = Vector::add(Vector::add(t1, Vector::majority(a, b, c)), big_sigma0(a));
}

// Word t + 16 of the schedule, in the place of word t.
CT_INLINE void extend(Vector::V (&w)[16], std::size_t t) {
  w[t] =
      Vector::add(Vector::add(w[t], small_sigma0(w[(t + 1) % 16])),
                  Vector::add(w[(t + 9) % 16], small_sigma1(w[(t + 14) % 16])));
}

// Rounds t to t + 15, on w[t] to w[t + 15] or, where these are not there yet,
// on what extends them.
template <bool kExtend>
CT_INLINE void sixteen_rounds(Vector::V (&s)[8], Vector::V (&w)[16],
                              const std::uint32_t* k) {
#pragma GCC unroll 16
  for (std::size_t i = 0; i < 16; ++i) {
    if (kExtend) extend(w, i);
    const auto name = [&](std::size_t n) -> Vector::V& {
      return s[(n + 16 - i) % 8];
    };
    one_round(name(0), name(1), name(2), name(3), name(4), name(5), name(6),
              name(7), w[i], k[i]);
  }
}

CT_TARGET void compress_wide(std::uint32_t* state,
                             const std::uint8_t* const* blocks, std::size_t n) {
  constexpr std::size_t kLanes = Vector::kLanes;
  Vector::V s[8];
#pragma GCC unroll 8
  for (std::size_t i = 0; i < 8; ++i) s[i] = Vector::load(state + i * kLanes);
  for (std::size_t b = 0; b < n; ++b) {
    Vector::V w[16];
    Vector::load_blocks(blocks, b * kBlock, w);
    Vector::V before[8];
#pragma GCC unroll 8
    for (std::size_t i = 0; i < 8; ++i) before[i] = s[i];
    sixteen_rounds<false>(s, w, kRoundConstants);
    for (std::size_t t = 16; t < 64; t += 16) {
      sixteen_rounds<true>(s, w, kRoundConstants + t);
    }
#pragma GCC unroll 8
    for (std::size_t i = 0; i < 8; ++i) s[i] = Vector::add(s[i], before[i]);
  }
#pragma GCC unroll 8
  for (std::size_t i = 0; i < 8; ++i) Vector::store(state + i * kLanes, s[i]);
}
