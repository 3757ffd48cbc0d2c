#include "formats/torch_pickle.hpp"

#include <array>
#include <bit>
#include <cstring>
#include <optional>
#include <unordered_map>
#include <utility>

#include "core/quote.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal {
namespace {

using Value = TorchPickle::Value;
using Sequence = TorchPickle::Sequence;
using Callable = TorchPickle::Callable;
using Kind = Sequence::Kind;

/// The names that a dictionary of tensors needs. The storages' types stand for the types of their elements.
constexpr std::array<std::pair<std::string_view, std::variant<Callable, DType>>, 14> known_globals = {{
    {"collections.OrderedDict", Callable::ordered_dict},
    {"torch._utils._rebuild_tensor", Callable::rebuild_tensor},
    {"torch._utils._rebuild_tensor_v2", Callable::rebuild_tensor_v2},
    {"torch._utils._rebuild_parameter", Callable::rebuild_parameter},
    {"torch.DoubleStorage", DType::f64},
    {"torch.FloatStorage", DType::f32},
    {"torch.HalfStorage", DType::f16},
    {"torch.BFloat16Storage", DType::bf16},
    {"torch.LongStorage", DType::i64},
    {"torch.IntStorage", DType::i32},
    {"torch.ShortStorage", DType::i16},
    {"torch.CharStorage", DType::i8},
    {"torch.ByteStorage", DType::u8},
    {"torch.BoolStorage", DType::boolean},
}};

/// What a pickle may make. A tensor takes about ten values; an instruction of one byte can make one of a hundred bytes.
constexpr std::size_t most_values = 1 << 21;

/// The instructions of pickle protocol 2, and those of 4 that mean the same.
enum Opcode : unsigned char {
  mark = '(',
  stop = '.',
  none = 'N',
  bin_int = 'J',
  bin_int1 = 'K',
  bin_int2 = 'M',
  long1 = 0x8A,
  bin_float = 'G',
  new_true = 0x88,
  new_false = 0x89,
  bin_string = 'T',
  short_bin_string = 'U',
  bin_unicode = 'X',
  short_bin_unicode = 0x8C,
  empty_tuple = ')',
  tuple = 't',
  tuple1 = 0x85,
  tuple2 = 0x86,
  tuple3 = 0x87,
  empty_list = ']',
  append = 'a',
  appends = 'e',
  empty_dict = '}',
  set_item = 's',
  set_items = 'u',
  bin_get = 'h',
  long_bin_get = 'j',
  bin_put = 'q',
  long_bin_put = 'r',
  memoize = 0x94,
  global = 'c',
  stack_global = 0x93,
  reduce = 'R',
  build = 'b',
  bin_persistent_id = 'Q',
  proto = 0x80,
  frame = 0x95,
};

}  // namespace

/// One run.
class TorchPickle::Machine {
 public:
  Machine(TorchPickle& owner, std::span<const std::byte> bytes) : owner_(owner), bytes_(bytes) {}

  Value run() {
    for (;;) {
      opcode_at_ = at_;
      const auto opcode = number<std::uint8_t>();
      if (opcode == Opcode::stop) break;
      step(opcode);
      if (stack_.size() + marks_.size() + memo_.size() + owner_.sequences_.size() > most_values)
        fail("makes more than " + std::to_string(most_values) + " values; expected a dictionary of tensors");
    }
    Value result = pop();
    if (!stack_.empty()) fail("leaves more than one value");
    return result;
  }
  std::size_t consumed() const { return at_; }

 private:
  [[noreturn]] void fail(const std::string& message) const {
    throw CheckpointError(owner_.place_ + ": at byte " + std::to_string(opcode_at_) + " the pickle " + message);
  }
  [[noreturn]] void fail_call(std::string_view function, const Sequence& arguments) const {
    std::string types;
    for (const Value& argument : arguments.values) types += (types.empty() ? "" : ", ") + type_name(argument);
    fail("calls " + std::string(function) + "(" + types.substr(0, 200) + "), which torch.save does not");
  }

  std::span<const std::byte> take(std::uint64_t count) {
    if (count > bytes_.size() - at_) fail("ends within an instruction (truncated?)");
    const auto taken = bytes_.subspan(at_, count);
    at_ += count;
    return taken;
  }
  template <class T>
  T number() {
    T value;
    std::memcpy(&value, take(sizeof value).data(), sizeof value);
    return value;
  }
  std::string_view text(std::uint64_t count) {
    const auto taken = take(count);
    return {reinterpret_cast<const char*>(taken.data()), taken.size()};
  }
  std::string_view line() {
    const std::string_view rest(reinterpret_cast<const char*>(bytes_.data()) + at_, bytes_.size() - at_);
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos) fail("ends within a name (truncated?)");
    at_ += end + 1;
    return rest.substr(0, end);
  }

  Value pop() {
    if (stack_.size() <= (marks_.empty() ? 0 : marks_.back())) fail("takes a value that is not there");
    Value value = std::move(stack_.back());
    stack_.pop_back();
    return value;
  }
  /// The values since the last mark.
  std::vector<Value> pop_marked() {
    if (marks_.empty()) fail("has no mark where it needs one");
    const auto first = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
    std::vector<Value> values(first, stack_.end());
    stack_.erase(first, stack_.end());
    marks_.pop_back();
    return values;
  }
  std::vector<Value> pop_last(std::size_t count) {
    std::vector<Value> values(count);
    while (count-- > 0) values[count] = pop();
    return values;
  }
  void push(Value value) { stack_.push_back(value); }
  void push(Kind kind, std::vector<Value> values = {}) {
    push(&owner_.sequences_.emplace_back(Sequence{kind, std::move(values)}));
  }
  /// Adds to the list or dictionary on top of the stack.
  void extend(Kind kind, std::vector<Value> values) {
    Sequence* const sequence = as<Sequence*>(top());
    if (sequence == nullptr || sequence->kind != kind) fail("adds to " + type_name(top()) + " what it cannot hold");
    if (kind == Kind::dictionary && values.size() % 2 != 0) fail("adds a key without a value");
    sequence->values.insert(sequence->values.end(), values.begin(), values.end());
  }
  const Value& top() const {
    if (stack_.size() <= (marks_.empty() ? 0 : marks_.back())) fail("takes a value that is not there");
    return stack_.back();
  }

  /// The alternative, or its null.
  template <class T>
  static T as(const Value& value) {
    const T* found = std::get_if<T>(&value);
    return found == nullptr ? T{} : *found;
  }

  void remember(std::uint32_t index) { memo_.insert_or_assign(index, top()); }
  void recall(std::uint32_t index) {
    const auto found = memo_.find(index);
    if (found == memo_.end()) fail("recalls value " + std::to_string(index) + ", which it did not keep");
    push(found->second);
  }

  void step(std::uint8_t opcode) {
    switch (opcode) {
      case Opcode::proto:
        if (const auto version = number<std::uint8_t>(); version < 2 || version > 5)
          fail("is of protocol " + std::to_string(version) + "; expected 2 to 5");
        return;
      case Opcode::frame:
        take(8);
        return;
      case Opcode::mark:
        marks_.push_back(stack_.size());
        return;
      case Opcode::none:
        return push(None{});
      case Opcode::new_true:
        return push(true);
      case Opcode::new_false:
        return push(false);
      case Opcode::bin_int:
        return push(std::int64_t{number<std::int32_t>()});
      case Opcode::bin_int1:
        return push(std::int64_t{number<std::uint8_t>()});
      case Opcode::bin_int2:
        return push(std::int64_t{number<std::uint16_t>()});
      case Opcode::long1:
        return push_long(take(number<std::uint8_t>()));
      case Opcode::bin_float: {
        std::uint64_t bits = 0;  // big-endian, for once
        for (const std::byte b : take(8)) bits = bits << 8 | std::to_integer<std::uint64_t>(b);
        return push(std::bit_cast<double>(bits));
      }
      case Opcode::bin_string:
      case Opcode::bin_unicode:
        return push(text(number<std::uint32_t>()));
      case Opcode::short_bin_string:
      case Opcode::short_bin_unicode:
        return push(text(number<std::uint8_t>()));
      case Opcode::empty_tuple:
        return push(Kind::tuple);
      case Opcode::tuple:
        return push(Kind::tuple, pop_marked());
      case Opcode::tuple1:
        return push(Kind::tuple, pop_last(1));
      case Opcode::tuple2:
        return push(Kind::tuple, pop_last(2));
      case Opcode::tuple3:
        return push(Kind::tuple, pop_last(3));
      case Opcode::empty_list:
        return push(Kind::list);
      case Opcode::append:
        return extend(Kind::list, pop_last(1));
      case Opcode::appends:
        return extend(Kind::list, pop_marked());
      case Opcode::empty_dict:
        return push(Kind::dictionary);
      case Opcode::set_item:
        return extend(Kind::dictionary, pop_last(2));
      case Opcode::set_items:
        return extend(Kind::dictionary, pop_marked());
      case Opcode::bin_get:
        return recall(number<std::uint8_t>());
      case Opcode::long_bin_get:
        return recall(number<std::uint32_t>());
      case Opcode::bin_put:
        return remember(number<std::uint8_t>());
      case Opcode::long_bin_put:
        return remember(number<std::uint32_t>());
      case Opcode::memoize:
        return remember(static_cast<std::uint32_t>(memo_.size()));
      case Opcode::global: {
        const std::string_view module = line();
        return push_global(module, line());
      }
      case Opcode::stack_global: {
        const auto names = pop_last(2);
        return push_global(as<std::string_view>(names[0]), as<std::string_view>(names[1]));
      }
      case Opcode::reduce:
        return call();
      case Opcode::build:
        return build();
      case Opcode::bin_persistent_id:
        return load_storage();
      default:
        break;
    }
    constexpr const char* digits = "0123456789abcdef";
    fail(std::string("has the instruction 0x") + digits[opcode >> 4] + digits[opcode & 15] +
         "; expected only what torch.save writes for tensors");
  }

  void push_long(std::span<const std::byte> little_endian) {
    if (little_endian.size() > sizeof(std::int64_t))
      fail("has an integer of " + std::to_string(little_endian.size()) + " bytes; expected at most 8");
    std::uint64_t bits = 0;
    std::memcpy(&bits, little_endian.data(), little_endian.size());
    const int unused = 64 - 8 * static_cast<int>(little_endian.size());  // carries the sign to the upper bytes
    push(unused == 64 ? std::int64_t{0} : static_cast<std::int64_t>(bits << unused) >> unused);
  }

  void push_global(std::string_view module, std::string_view name) {
    const std::string full = std::string(module) + "." + std::string(name);
    for (const auto& [known, meaning] : known_globals)
      if (known == full) return std::visit([&](auto alternative) { push(alternative); }, meaning);
    throw CheckpointError(owner_.place_ + ": refuses global " + quote(full) + " at byte " + std::to_string(opcode_at_) +
                          "; expected only what torch.save writes for a dictionary of tensors");
  }

  void call() {
    const Value arguments_value = pop(), function = pop();
    const Sequence* const arguments = as<Sequence*>(arguments_value);
    const Callable* const callable = std::get_if<Callable>(&function);
    if (callable == nullptr) fail("calls " + type_name(function));
    if (arguments == nullptr || arguments->kind != Kind::tuple) fail("calls a function without a tuple of arguments");
    const std::vector<Value>& values = arguments->values;
    switch (*callable) {
      case Callable::ordered_dict:
        if (!values.empty()) fail_call("OrderedDict", *arguments);
        return push(Kind::dictionary);
      case Callable::rebuild_tensor:
        if (values.size() != 4) fail_call("_rebuild_tensor", *arguments);
        return rebuild_tensor(*arguments);
      case Callable::rebuild_tensor_v2:
        // … and requires_grad, hooks, and perhaps metadata, which say nothing about the values.
        if (values.size() != 6 && values.size() != 7) fail_call("_rebuild_tensor_v2", *arguments);
        return rebuild_tensor(*arguments);
      case Callable::rebuild_parameter:
        if (values.size() != 3 || as<const TorchTensor*>(values[0]) == nullptr)
          fail_call("_rebuild_parameter", *arguments);
        return push(values[0]);
    }
  }

  /// (storage, offset, shape, strides, …)
  void rebuild_tensor(const Sequence& arguments) {
    const TorchStorage* const storage = as<const TorchStorage*>(arguments.values[0]);
    const std::int64_t* const offset = std::get_if<std::int64_t>(&arguments.values[1]);
    const auto shape = indices(arguments.values[2]), strides = indices(arguments.values[3]);
    if (storage == nullptr || offset == nullptr || *offset < 0 || !shape || !strides ||
        shape->size() != strides->size())
      fail_call("_rebuild_tensor", arguments);
    push(&owner_.tensors_.emplace_back(TorchTensor{storage, *offset, *shape, *strides}));
  }

  /// A tuple of non-negative integers, not longer than a tensor has dimensions.
  static std::optional<std::vector<Index>> indices(const Value& value) {
    const Sequence* const sequence = as<Sequence*>(value);
    if (sequence == nullptr || sequence->kind != Kind::tuple || sequence->values.size() > 64) return std::nullopt;
    std::vector<Index> indices;
    for (const Value& element : sequence->values) {
      const std::int64_t* const index = std::get_if<std::int64_t>(&element);
      if (index == nullptr || *index < 0) return std::nullopt;
      indices.push_back(*index);
    }
    return indices;
  }

  /// Attributes of a dictionary (a state dict's _metadata) say nothing about tensors.
  void build() {
    pop();
    const Sequence* const sequence = as<Sequence*>(top());
    if (sequence == nullptr || sequence->kind != Kind::dictionary) fail("sets attributes of " + type_name(top()));
  }

  /// ("storage", type, key, device, number of elements), and in old files (key, first element, number) of a view of it.
  void load_storage() {
    const Value id = pop();
    const Sequence* const tuple = as<Sequence*>(id);
    const auto refuse = [&] {
      fail("asks for the object " + (tuple == nullptr ? type_name(id) : "of an unknown kind") + "; expected a storage");
    };
    if (tuple == nullptr || tuple->kind != Kind::tuple || tuple->values.size() < 5 || tuple->values.size() > 6)
      refuse();
    const std::vector<Value>& values = tuple->values;
    const DType* const dtype = std::get_if<DType>(&values[1]);
    const std::int64_t* const total = std::get_if<std::int64_t>(&values[4]);
    const std::string_view* const key = std::get_if<std::string_view>(&values[2]);
    if (as<std::string_view>(values[0]) != "storage" || dtype == nullptr || key == nullptr || total == nullptr ||
        *total < 0)
      refuse();
    TorchStorage storage = {.key = std::string(*key), .dtype = *dtype, .count = *total, .total = *total};
    if (values.size() == 6 && !std::holds_alternative<None>(values[5])) {
      const Sequence* const view = as<Sequence*>(values[5]);
      if (view == nullptr || view->kind != Kind::tuple || view->values.size() != 3) refuse();
      const std::int64_t* const first = std::get_if<std::int64_t>(&view->values[1]);
      const std::int64_t* const count = std::get_if<std::int64_t>(&view->values[2]);
      if (first == nullptr || count == nullptr || *first < 0 || *first > *total || *count < 0 ||
          *count > *total - *first)
        fail("has a view of storage " + quote(*key) + " that reaches beyond it");
      storage.first = *first;
      storage.count = *count;
    }
    push(&owner_.storages_.emplace_back(std::move(storage)));
  }

  TorchPickle& owner_;
  std::span<const std::byte> bytes_;
  std::size_t at_ = 0, opcode_at_ = 0;
  std::vector<Value> stack_;
  std::vector<std::size_t> marks_;
  std::unordered_map<std::uint32_t, Value> memo_;
};

TorchPickle::Value TorchPickle::run(std::span<const std::byte>& bytes) {
  Machine machine(*this, bytes);
  Value result = machine.run();
  bytes = bytes.subspan(machine.consumed());
  return result;
}

std::string TorchPickle::type_name(const Value& value) {
  if (const auto* const sequence = std::get_if<Sequence*>(&value))
    return (*sequence)->kind == Kind::tuple ? "a tuple" : (*sequence)->kind == Kind::list ? "a list" : "a dictionary";
  constexpr std::array<const char*, std::variant_size_v<Value>> names = {
      "None",       "a truth value",  "an integer", "a number", "a text",
      "a function", "a storage type", "a storage",  "a tensor", ""};
  return names[value.index()];
}

}  // namespace sharcs::internal
