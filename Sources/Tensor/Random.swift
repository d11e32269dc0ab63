import Foundation

/// Random numbers as a function of a key and a counter (Philox 4x32-10, Salmon et al. 2011).
///
/// There is no hidden state: the same key and index give the same number on any thread and in any order, so dropout,
/// initial weights and samples do not depend on scheduling. Keys for parts of a program are derived by name or number.
public struct Random: Sendable, Equatable {
  /// The key: all that the numbers depend on besides their index.
  public var key: UInt64

  /// Numbers for a seed.
  public init(seed: UInt64) { key = Random.mix(seed &+ 0x9e37_79b9_7f4a_7c15) }

  /// Independent numbers for part `index` (a step, a layer).
  public func derived(_ index: Int) -> Random {
    var result = self
    result.key = Random.mix(key ^ Random.mix(UInt64(bitPattern: Int64(index)) &+ 0x632b_e59b_d9b4_e019))
    return result
  }

  /// Independent numbers for the part called `name`.
  public func derived(_ name: String) -> Random {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325  // FNV-1a
    for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return derived(Int(bitPattern: UInt(truncatingIfNeeded: hash)))
  }

  /// 128 random bits for `counter`.
  public func bits(_ counter: UInt64) -> SIMD4<UInt32> {
    var (x0, x1) = (UInt32(truncatingIfNeeded: counter), UInt32(truncatingIfNeeded: counter >> 32))
    var (x2, x3): (UInt32, UInt32) = (0, 0)
    var (k0, k1) = (UInt32(truncatingIfNeeded: key), UInt32(truncatingIfNeeded: key >> 32))
    for _ in 0..<10 {
      let a = 0xd251_1f53 &* UInt64(x0), b = 0xcd9e_8d57 &* UInt64(x2)
      (x0, x1, x2, x3) = (
        UInt32(truncatingIfNeeded: b >> 32) ^ x1 ^ k0, UInt32(truncatingIfNeeded: b),
        UInt32(truncatingIfNeeded: a >> 32) ^ x3 ^ k1, UInt32(truncatingIfNeeded: a)
      )
      k0 = k0 &+ 0x9e37_79b9
      k1 = k1 &+ 0xbb67_ae85
    }
    return SIMD4(x0, x1, x2, x3)
  }

  private func word(_ index: Int) -> UInt32 { bits(UInt64(bitPattern: Int64(index)) >> 2)[index & 3] }

  /// Number `index`, evenly spread over [0, 1): a multiple of 2^-24.
  public func uniform(_ index: Int) -> Float { Float(word(index) >> 8) * 0x1p-24 }

  /// Number `index` of a normal distribution with mean 0 and deviation 1 (Box and Muller 1958).
  public func normal(_ index: Int) -> Float {
    let words = bits(UInt64(bitPattern: Int64(index)) | 1 << 63)
    let radius = (-2 * log((Double(words[0]) + 0.5) * 0x1p-32)).squareRoot()
    return Float(radius * cos(2 * Double.pi * Double(words[1]) * 0x1p-32))
  }

  /// Number `index` of the integers below `bound`; the bias is below `bound * 2^-64`.
  public func integer(_ index: Int, below bound: Int) -> Int {
    precondition(bound > 0, "Random.integer: no integers below \(bound)")
    let words = bits(UInt64(bitPattern: Int64(index)) | 1 << 62)
    let wide = UInt64(words[0]) << 32 | UInt64(words[1])
    return Int(wide.multipliedFullWidth(by: UInt64(bound)).high)
  }

  private static func mix(_ value: UInt64) -> UInt64 {  // the finaliser of SplitMix64
    var z = value
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}
