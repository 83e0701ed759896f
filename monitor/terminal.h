// What people see on a terminal: tables, colours, progress.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

namespace ct::monitor {

// Colours are used on a terminal only, and not when NO_COLOR is set.
enum class Colour { kNone, kBold, kDim, kRed, kGreen, kYellow };
[[nodiscard]] bool colours_wanted(std::FILE* stream);
// `text` in that colour if `stream` takes colours; as it is otherwise.
[[nodiscard]] std::string coloured(std::FILE* stream, Colour colour,
                                   std::string_view text);

// Columns wide enough for what is in them. Cells are made printable: control
// and bidirectional characters are escaped.
class Table {
 public:
  enum class Align { kLeft, kRight };
  struct Column {
    std::string heading;
    Align align = Align::kLeft;
  };
  struct Cell {
    std::string text;
    Colour colour = Colour::kNone;
    Cell(std::string t, Colour c = Colour::kNone)
        : text(std::move(t)), colour(c) {}
    Cell(const char* t) : text(t) {}
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  void add(std::vector<Cell> row);
  [[nodiscard]] bool empty() const { return rows_.empty(); }
  void print(std::FILE* stream) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

// How far long work is: a bar that is drawn anew on a terminal, a line a
// minute elsewhere.
class Progress {
 public:
  explicit Progress(std::FILE* stream);
  // Leaves the last state standing.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // `done` of 1; `text` is what else there is to say, one short line.
  void show(double done, const std::string& text);
  // A line that stays, above the bar.
  void tell(const std::string& line);

 private:
  std::FILE* const stream_;
  const bool redraw_;
  bool drawn_ = false;
  std::chrono::steady_clock::time_point next_;
};

// Hostile text made fit for a terminal (alerts::visible).
[[nodiscard]] std::string printable(std::string_view text);

// "1,234,567".
[[nodiscard]] std::string with_commas(std::uint64_t n);
// "1.2 GB".
[[nodiscard]] std::string format_bytes(double n);

}  // namespace ct::monitor
