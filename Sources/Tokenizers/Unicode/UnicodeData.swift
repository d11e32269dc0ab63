/// What the reference library knows of Unicode scalars, read from `UnicodeTables` at first use.
///
/// It mixes versions of Unicode; Swift's standard library has another one, which differs between systems.
enum UnicodeData {
  static let categories = ScalarTable(runs: UnicodeTables.categories)
  static let whitespace = ScalarTable(flags: UnicodeTables.whitespace)
  static let punctuation = ScalarTable(flags: UnicodeTables.punctuation)
  static let numeric = ScalarTable(flags: UnicodeTables.numeric)
  static let words = ScalarTable(flags: UnicodeTables.words)
  static let bracketWords = ScalarTable(flags: UnicodeTables.bracketWords)
  static let han = ScalarTable(flags: UnicodeTables.han)
  static let controls = ScalarTable(flags: UnicodeTables.controls)
  static let nonspacingMarks = ScalarTable(flags: UnicodeTables.nonspacingMarks)
  static let combiningMarks = ScalarTable(flags: UnicodeTables.combiningMarks)
  static let scripts = ScalarTable(runs: UnicodeTables.scripts)
  static let combiningClasses = ScalarTable(runs: UnicodeTables.combiningClasses)
  static let lowercase = ScalarMapping(UnicodeTables.lowercase)
  static let canonical = ScalarMapping(UnicodeTables.canonical)
  static let compatible = ScalarMapping(UnicodeTables.compatible)
  static let uncomposed = ScalarTable(flags: UnicodeTables.uncomposed)
}

/// A small number for every scalar, in blocks of which equal ones are kept once.
struct ScalarTable: Sendable {
  private var blockOfHigh: [UInt16] = []
  private var values: [UInt8] = []

  /// Reads runs: a value and a length for each.
  init(runs text: StaticString) {
    var reader = NumberReader(text)
    var all: [UInt8] = []
    all.reserveCapacity(0x110000)
    while let value = reader.next(), let count = reader.next() {
      all.append(contentsOf: repeatElement(UInt8(truncatingIfNeeded: value), count: count))
    }
    self.init(all)
  }

  /// Reads lengths of runs outside and inside a set, in turn.
  init(flags text: StaticString) {
    var reader = NumberReader(text)
    var (all, isInside) = ([UInt8](), false)
    all.reserveCapacity(0x110000)
    while let count = reader.next() {
      all.append(contentsOf: repeatElement(isInside ? 1 : 0, count: count))
      isInside.toggle()
    }
    self.init(all)
  }

  private init(_ all: [UInt8]) {
    var known: [ArraySlice<UInt8>: UInt16] = [:]
    for start in stride(from: 0, to: all.count, by: 256) {
      let block = all[start..<min(start + 256, all.count)]
      if let index = known[block] {
        blockOfHigh.append(index)
      } else {
        let index = UInt16(truncatingIfNeeded: values.count >> 8)
        known[block] = index
        blockOfHigh.append(index)
        values.append(contentsOf: block)
      }
    }
  }

  @inline(__always)
  subscript(_ value: UInt32) -> UInt8 {
    let high = Int(value >> 8)
    guard high < blockOfHigh.count else { return 0 }
    return values[Int(blockOfHigh[high]) << 8 | Int(value & 0xFF)]
  }

  @inline(__always)
  func contains(_ value: UInt32) -> Bool { self[value] != 0 }
}

/// What some scalars become: one or several others each.
struct ScalarMapping: Sendable {
  private var entries = PairTable(minimumCapacity: 4096)
  private var scalars: [UInt32] = []
  /// The scalars that are mapped, in order.
  private(set) var keys: [UInt32] = []

  /// Reads, for each: the step from the scalar before it, the length, and the steps between its new scalars.
  init(_ text: StaticString) {
    var reader = NumberReader(text)
    var key = 0
    while let step = reader.next(), let count = reader.next() {
      key += step
      let start = scalars.count
      var value = key
      for _ in 0..<count {
        value += reader.nextSigned() ?? 0
        scalars.append(UInt32(truncatingIfNeeded: value))
      }
      keys.append(UInt32(truncatingIfNeeded: key))
      _ = entries.insert(UInt32(truncatingIfNeeded: start << 6 | count), for: keys[keys.count - 1], 0)
    }
  }

  /// What a scalar becomes; nil if it stays.
  subscript(_ value: UInt32) -> ArraySlice<UInt32>? {
    let entry = entries.value(for: value, 0)
    guard entry != PairTable.none else { return nil }
    return scalars[Int(entry >> 6)..<Int(entry >> 6 + entry & 63)]
  }
}

/// Reads numbers of five bits to a digit, the lowest first; all digits of a number but its last have the sixth bit set.
private struct NumberReader {
  private let text: [UInt8]
  private var index = 0

  init(_ text: StaticString) { self.text = Array(text.description.utf8) }

  mutating func next() -> Int? {
    var (value, shift) = (0, 0)
    while index < text.count {
      let digit: Int
      switch text[index] {
      case let byte where byte >= UInt8(ascii: "a"): digit = Int(byte - UInt8(ascii: "a")) + 26
      case let byte where byte >= UInt8(ascii: "A"): digit = Int(byte - UInt8(ascii: "A"))
      case let byte where byte >= UInt8(ascii: "0"): digit = Int(byte - UInt8(ascii: "0")) + 52
      case UInt8(ascii: "+"): digit = 62
      case UInt8(ascii: "/"): digit = 63
      default:
        index += 1
        continue
      }
      index += 1
      value |= (digit & 31) << shift
      shift += 5
      if digit < 32 { return value }
    }
    return nil
  }

  mutating func nextSigned() -> Int? {
    next().map { $0 & 1 == 0 ? $0 >> 1 : -($0 >> 1) }
  }
}
