/// SplitMix64: the same numbers from the same seed everywhere, so that a failing seed can be replayed.
public struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  /// The numbers of a seed.
  public init(_ seed: Int) { state = UInt64(truncatingIfNeeded: seed) }

  /// The next number.
  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = (state ^ state >> 30) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
    return z ^ z >> 31
  }
}

extension [UInt8] {
  /// Changes, inserts, removes, repeats or cuts bytes, a few times; where numbers are given, it also puts one of them
  /// where four or eight bytes were.
  public mutating func mutate(_ generator: inout SeededGenerator, alphabet: [UInt8], numbers: [UInt64] = []) {
    for _ in 0..<Int.random(in: 1...4, using: &generator) {
      let place = Int.random(in: 0...count, using: &generator)
      let byte = alphabet.randomElement(using: &generator) ?? 0
      switch Int.random(in: 0..<(numbers.isEmpty ? 6 : 8), using: &generator) {
      case 0: insert(byte, at: place)
      case 1 where place < count: remove(at: place)
      case 2 where place < count: self[place] = byte
      case 3 where place < count: self[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
      case 4: insert(contentsOf: self[place..<Swift.min(count, place + 9)], at: place)
      case 5 where Int.random(in: 0..<8, using: &generator) == 0: removeSubrange(place...)
      case 6, 7:
        let size = Bool.random(using: &generator) ? 4 : 8
        guard place + size <= count else { continue }
        let number = numbers.randomElement(using: &generator) ?? 0
        replaceSubrange(place..<place + size, with: GGUFBuilder.bytes(number).prefix(size))
      default: append(byte)
      }
    }
  }
}
