/// Unicode's normalization forms, as the reference library computes them.
enum NormalizationForm: String, Sendable {
  case composed = "NFC"
  case decomposed = "NFD"
  case compatiblyComposed = "NFKC"
  case compatiblyDecomposed = "NFKD"

  private var isCompatible: Bool { self == .compatiblyComposed || self == .compatiblyDecomposed }
  private var isComposed: Bool { self == .composed || self == .compatiblyComposed }

  /// Whether every text of bytes below this one has the form already: scalars that start with them neither change nor
  /// combine.
  private var firstByteConcerned: UInt8 {
    // Form C leaves everything below U+0300 alone, the others have mappings from U+00A0 on.
    self == .composed ? 0xCC : 0xC2
  }

  /// The text's scalars in this form; nil if none of them can change.
  func normalize(_ text: [UInt8]) -> [RewrittenScalar]? {
    let bound = firstByteConcerned
    guard text.contains(where: { $0 >= bound }) else { return nil }
    var output: [RewrittenScalar] = []
    output.reserveCapacity(text.count)
    decompose(text, &output)
    return isComposed ? compose(output) : output
  }

  private func decompose(_ text: [UInt8], _ output: inout [RewrittenScalar]) {
    var (index, unordered) = (0, 0)
    while index < text.count {
      let (value, next) = scalar(in: text, at: index, before: text.count)
      index = next
      if value < 0xA0 {
        sortMarks(&output, from: unordered)
        output.append(RewrittenScalar(value: value, change: 0))
        unordered = output.count
        continue
      }
      var change: Int32 = 0
      forEachPart(of: value) { part in
        if UnicodeData.combiningClasses[part] == 0 {
          sortMarks(&output, from: unordered)
          unordered = output.count + 1
        }
        output.append(RewrittenScalar(value: part, change: change))
        change = 1
      }
    }
    sortMarks(&output, from: unordered)
  }

  private func forEachPart(of value: UInt32, _ body: (UInt32) -> Void) {
    if let syllable = Hangul.parts(of: value) { return syllable.forEach(body) }
    if isCompatible, let parts = UnicodeData.compatible[value] { return parts.forEach(body) }
    if let parts = UnicodeData.canonical[value] { return parts.forEach(body) }
    body(value)
  }

  /// Sorts by combining class those of equal class staying in order.
  private func sortMarks(_ scalars: inout [RewrittenScalar], from start: Int) {
    guard scalars.count - start > 1 else { return }
    let sorted = scalars[start...].enumerated().map {
      (key: Int(UnicodeData.combiningClasses[$1.value]) << 32 | $0, scalar: $1)
    }.sorted { $0.key < $1.key }
    for (offset, entry) in sorted.enumerated() { scalars[start + offset] = entry.scalar }
  }

  private func compose(_ scalars: [RewrittenScalar]) -> [RewrittenScalar] {
    var output: [RewrittenScalar] = []
    output.reserveCapacity(scalars.count)
    // The index in the output of the last starter, and the class of the last mark after it that stayed.
    var (starter, lastClass) = (Int?.none, UInt8?.none)
    for next in scalars {
      let nextClass = next.value < 0x300 ? 0 : UnicodeData.combiningClasses[next.value]
      if let starter, lastClass.map({ $0 < nextClass }) ?? true,
        let composite = Composition.of(output[starter].value, next.value)
      {
        output[starter] = RewrittenScalar(value: composite, change: output[starter].change + next.change - 1)
        continue
      }
      if nextClass == 0 {
        (starter, lastClass) = (output.count, nil)
      } else if starter != nil {
        lastClass = nextClass
      }
      output.append(next)
    }
    return output
  }
}

/// The syllables of Hangul, which decompose and compose by arithmetic.
private enum Hangul {
  private static let (leads, vowels, tails) = (UInt32(0x1100), UInt32(0x1161), UInt32(0x11A7))
  private static let syllables = UInt32(0xAC00)
  private static let (leadCount, vowelCount, tailCount) = (UInt32(19), UInt32(21), UInt32(28))

  static func parts(of value: UInt32) -> [UInt32]? {
    guard value >= syllables, value < syllables + leadCount * vowelCount * tailCount else { return nil }
    let index = value - syllables
    let (pair, tail) = (index / tailCount, index % tailCount)
    let parts = [leads + pair / vowelCount, vowels + pair % vowelCount]
    return tail == 0 ? parts : parts + [tails + tail]
  }

  static func composite(_ first: UInt32, _ second: UInt32) -> UInt32? {
    if first >= leads, first < leads + leadCount, second >= vowels, second < vowels + vowelCount {
      return syllables + ((first - leads) * vowelCount + second - vowels) * tailCount
    }
    if first >= syllables, first < syllables + leadCount * vowelCount * tailCount, (first - syllables) % tailCount == 0,
      second > tails, second < tails + tailCount
    {
      return first + second - tails
    }
    return nil
  }
}

/// The composites of two scalars.
private enum Composition {
  static func of(_ first: UInt32, _ second: UInt32) -> UInt32? {
    if let syllable = Hangul.composite(first, second) { return syllable }
    let composite = pairs.value(for: first, second)
    return composite == PairTable.none ? nil : composite
  }

  // A full decomposition is the last scalar after the decomposition of a composite; the shorter ones come first.
  private static let pairs: PairTable = {
    var pairs = PairTable(minimumCapacity: 1024)
    let composites = UnicodeData.canonical.keys.compactMap { key in
      UnicodeData.canonical[key].flatMap { parts in
        parts.count > 1 && !UnicodeData.uncomposed.contains(key) ? (key: key, parts: Array(parts)) : nil
      }
    }
    for composite in composites.sorted(by: { $0.parts.count < $1.parts.count }) {
      var prefix = composite.parts[0]
      for part in composite.parts.dropFirst().dropLast() {
        let joined = pairs.value(for: prefix, part)
        if joined != PairTable.none { prefix = joined }
      }
      _ = pairs.insert(composite.key, for: prefix, composite.parts[composite.parts.count - 1])
    }
    return pairs
  }()
}
