#include "sql/history_spool.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <concepts>
#include <cstring>
#include <utility>

namespace ct::sql {
namespace {

// Records are read back by the process that wrote them, so numbers are as they
// are in memory.
template <std::integral T>
void put(std::string& out, T v) {
  out.append(reinterpret_cast<const char*>(&v), sizeof v);
}
void put(std::string& out, std::string_view v) {
  put(out, static_cast<std::uint32_t>(v.size()));
  out += v;
}

class Reader {
 public:
  explicit Reader(std::string_view in) : rest_(in) {}

  template <class T>
  [[nodiscard]] T number() {
    T v;
    std::memcpy(&v, rest_.data(), sizeof v);
    rest_.remove_prefix(sizeof v);
    return v;
  }
  [[nodiscard]] std::string_view text() {
    const auto size = number<std::uint32_t>();
    const auto v = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return v;
  }
  [[nodiscard]] Bytes bytes() {
    const auto v = as_bytes(text());
    return {v.begin(), v.end()};
  }

 private:
  std::string_view rest_;
};

// What a record begins with.
struct Key {
  std::string_view domain;
  Seconds not_after;
  std::int64_t id;

  friend auto operator<=>(const Key&, const Key&) = default;
};

Key key_of(Reader& in) {
  Key key;
  key.domain = in.text();
  key.not_after = in.number<Seconds>();
  key.id = in.number<std::int64_t>();
  return key;
}

Key key_of(const LooseRow& r) {
  return {r.draft.domain(), r.draft.not_after, r.row.id};
}

void put_record(std::string& out, const HistoryRow& row) {
  const HistoryDraft& draft = *row.draft;
  const std::size_t begin = out.size();
  put(out, std::uint32_t{0});
  put(out, draft.domain());
  put(out, draft.not_after);
  put(out, row.id);
  put(out, draft.not_before);
  put(out, row.issuer);
  put(out, row.final);
  put(out, as_text(row.sha256));
  put(out, draft.names.names);
  put(out, draft.organization);
  put(out, as_text(draft.serial));
  put(out, as_text(draft.spki));
  put(out, as_text(row.sightings));
  put(out, row.der_template);
  put(out, as_text(row.der));
  const auto& roots = draft.names.roots;
  put(out, static_cast<std::uint32_t>(roots.size()));
  for (std::size_t i = 1; i < roots.size(); ++i) {
    put(out, std::string_view(roots[i]));
  }
  const auto size = static_cast<std::uint32_t>(out.size() - begin);
  std::memcpy(out.data() + begin, &size, sizeof size);
}

constexpr std::size_t kLengthSize = sizeof(std::uint32_t);

// `record` is without its length.
LooseRow loose_row(std::string_view record) {
  Reader in(record);
  LooseRow out;
  const Key key = key_of(in);
  out.draft.not_after = key.not_after;
  out.row.id = key.id;
  out.draft.not_before = in.number<Seconds>();
  out.row.issuer = in.number<std::int32_t>();
  out.row.final = in.number<bool>();
  const auto sha256 = as_bytes(in.text());
  std::copy(sha256.begin(), sha256.end(), out.row.sha256.begin());
  out.draft.names.names = in.text();
  out.draft.organization = in.text();
  out.draft.serial = in.bytes();
  out.draft.spki = in.bytes();
  out.row.sightings = in.bytes();
  out.row.der_template = in.number<std::int32_t>();
  out.row.der = in.bytes();
  const auto roots = in.number<std::uint32_t>();
  if (roots > 0) out.draft.names.roots.emplace_back(key.domain);
  for (std::uint32_t i = 1; i < roots; ++i) {
    out.draft.names.roots.emplace_back(in.text());
  }
  out.draft.quarter = history_quarter(key.not_after);
  return out;
}

Error file_error(const std::string& folder, const char* what) {
  return {Errc::kTransient, std::string(what) + " a temporary file in " +
                                folder + ": " + std::strerror(errno)};
}

}  // namespace

int compare_keys(const LooseRow& a, const LooseRow& b) {
  const auto order = key_of(a) <=> key_of(b);
  return order < 0 ? -1 : order > 0 ? 1 : 0;
}

// Records behind one another, and where each begins.
struct HistorySpool::Pile {
  struct Item {
    std::uint64_t prefix;  // of the domain, big endian
    std::size_t at;
  };
  std::string records;
  std::vector<Item> items;

  [[nodiscard]] std::string_view record(const Item& item) const {
    std::uint32_t size;
    std::memcpy(&size, records.data() + item.at, sizeof size);
    return std::string_view(records).substr(item.at + kLengthSize,
                                            size - kLengthSize);
  }

  void add(const HistoryRow& row) {
    std::uint64_t prefix = 0;
    const auto domain = row.draft->domain();
    for (std::size_t i = 0; i < sizeof prefix; ++i) {
      prefix = prefix << 8 |
               (i < domain.size() ? static_cast<unsigned char>(domain[i]) : 0U);
    }
    items.push_back({prefix, records.size()});
    put_record(records, row);
  }

  void sort() {
    std::ranges::sort(items, [&](const Item& a, const Item& b) {
      if (a.prefix != b.prefix) return a.prefix < b.prefix;
      Reader in_a(record(a)), in_b(record(b));
      return key_of(in_a) < key_of(in_b);
    });
  }
};

struct HistorySpool::File {
  int fd = -1;

  ~File() {
    if (fd >= 0) close(fd);
  }
};

// Sorted records in a file.
struct HistorySpool::Segment {
  std::shared_ptr<File> file;
  std::uint64_t begin = 0, end = 0;
};

HistorySpool::HistorySpool(std::string folder, std::size_t memory)
    : folder_(std::move(folder)), memory_(memory) {}
HistorySpool::~HistorySpool() = default;

Result<void> HistorySpool::add(const std::vector<HistoryRow>& rows) {
  for (const auto& row : rows) {
    Pile& pile = piles_[row.draft->quarter];
    const std::size_t before = pile.records.size();
    pile.add(row);
    used_ += pile.records.size() - before + sizeof(Pile::Item);
    ++counts_[row.draft->quarter];
  }
  if (used_ > memory_) return spill();
  return {};
}

Result<void> HistorySpool::spill() {
  std::string path = folder_ + "/ctvigil-history-XXXXXX";
  const auto file = std::make_shared<File>();
  file->fd = mkstemp(path.data());
  if (file->fd < 0) return tl::unexpected(file_error(folder_, "cannot create"));
  unlink(path.c_str());
  std::uint64_t end = 0;
  for (auto& [quarter, pile] : piles_) {
    pile.sort();
    const std::uint64_t begin = end;
    std::string sorted;
    sorted.reserve(pile.records.size());
    for (const auto& item : pile.items) {
      const auto record = pile.record(item);
      sorted.append(record.data() - kLengthSize, record.size() + kLengthSize);
    }
    for (std::string_view rest = sorted; !rest.empty();) {
      const auto n = write(file->fd, rest.data(), rest.size());
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return tl::unexpected(file_error(folder_, "cannot write"));
      rest.remove_prefix(static_cast<std::size_t>(n));
    }
    end += sorted.size();
    segments_[quarter].push_back({file, begin, end});
  }
  piles_.clear();
  used_ = 0;
  return {};
}

std::unique_ptr<RowSource> HistorySpool::rows(int quarter) {
  class FromPile : public RowSource {
   public:
    explicit FromPile(Pile& pile) : pile_(pile) { pile_.sort(); }
    std::optional<LooseRow> next() override {
      if (next_ == pile_.items.size()) return std::nullopt;
      return loose_row(pile_.record(pile_.items[next_++]));
    }

   private:
    Pile& pile_;
    std::size_t next_ = 0;
  };
  class FromFile : public RowSource {
   public:
    FromFile(Segment segment, std::string folder)
        : segment_(std::move(segment)), folder_(std::move(folder)) {}
    std::optional<LooseRow> next() override {
      if (at_ == buffer_.size() && segment_.begin == segment_.end) {
        return std::nullopt;
      }
      std::uint32_t size = 0;
      need(kLengthSize);
      std::memcpy(&size, buffer_.data() + at_, sizeof size);
      need(size);
      const auto record = std::string_view(buffer_).substr(at_ + kLengthSize,
                                                           size - kLengthSize);
      at_ += size;
      return loose_row(record);
    }

   private:
    // Has at least `size` bytes from `at_` on.
    void need(std::size_t size) {
      constexpr std::uint64_t kAtOnce = 1 << 20;
      while (buffer_.size() - at_ < size) {
        buffer_.erase(0, std::exchange(at_, 0));
        const std::size_t had = buffer_.size();
        buffer_.resize(had + std::min<std::uint64_t>(
                                 kAtOnce, segment_.end - segment_.begin));
        const auto n =
            pread(segment_.file->fd, buffer_.data() + had, buffer_.size() - had,
                  static_cast<off_t>(segment_.begin));
        if (n <= 0 && !(n < 0 && errno == EINTR)) {
          throw SqlError{file_error(folder_, "cannot read"), ""};
        }
        buffer_.resize(had + static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
        segment_.begin += static_cast<std::uint64_t>(std::max<ssize_t>(n, 0));
      }
    }

    Segment segment_;
    std::string folder_, buffer_;
    std::size_t at_ = 0;
  };

  std::vector<std::unique_ptr<RowSource>> sources;
  if (const auto pile = piles_.find(quarter); pile != piles_.end()) {
    sources.push_back(std::make_unique<FromPile>(pile->second));
  }
  if (const auto found = segments_.find(quarter); found != segments_.end()) {
    for (const auto& segment : found->second) {
      sources.push_back(std::make_unique<FromFile>(segment, folder_));
    }
  }
  return std::make_unique<MergedRows>(std::move(sources));
}

MergedRows::MergedRows(std::vector<std::unique_ptr<RowSource>> sources)
    : sources_(std::move(sources)) {
  for (std::size_t i = 0; i < sources_.size(); ++i) advance(i);
}

void MergedRows::advance(std::size_t source) {
  auto row = sources_[source]->next();
  if (!row) return;
  heads_.push_back({*std::move(row), source});
  std::ranges::push_heap(heads_, [](const Head& a, const Head& b) {
    return compare_keys(a.row, b.row) > 0;
  });
}

std::optional<MergedRows::Head> MergedRows::pop() {
  if (heads_.empty()) return std::nullopt;
  std::ranges::pop_heap(heads_, [](const Head& a, const Head& b) {
    return compare_keys(a.row, b.row) > 0;
  });
  Head head = std::move(heads_.back());
  heads_.pop_back();
  return head;
}

std::optional<LooseRow> MergedRows::next() {
  auto first = pop();
  if (!first) return std::nullopt;
  advance(first->source);
  while (!heads_.empty() && compare_keys(heads_.front().row, first->row) == 0) {
    auto same = pop();
    advance(same->source);
    merge_history_row(first->row.row, same->row.row);
    first->row.stored |= same->row.stored;
  }
  return std::move(first->row);
}

}  // namespace ct::sql
