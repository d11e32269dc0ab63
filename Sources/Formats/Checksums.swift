/// The CRC-32 that ZIP, gzip and PNG use (reflected polynomial 0xEDB88320), over bytes handed in piece by piece.
public struct CRC32: Sendable {
  private var state: UInt32 = 0xFFFF_FFFF

  /// The checksum of no bytes.
  public init() {}

  /// The checksum of all bytes so far.
  public var value: UInt32 { ~state }

  /// Adds bytes.
  public mutating func update(_ bytes: some Sequence<UInt8>) {
    var crc = state
    for byte in bytes { crc = Self.table[Int(UInt8(truncatingIfNeeded: crc) ^ byte)] ^ crc >> 8 }
    state = crc
  }

  /// The checksum of these bytes.
  public static func of(_ bytes: some Sequence<UInt8>) -> UInt32 {
    var crc = CRC32()
    crc.update(bytes)
    return crc.value
  }

  private static let table: [UInt32] = (0..<256).map { (index: UInt32) in
    (0..<8).reduce(index) { crc, _ in crc & 1 == 0 ? crc >> 1 : 0xEDB8_8320 ^ crc >> 1 }
  }
}

/// The Adler-32 that ends zlib streams (RFC 1950): two sums modulo 65521.
public func adler32(_ bytes: [UInt8]) -> UInt32 {
  var (a, b) = (UInt32(1), UInt32(0))
  var start = 0
  while start < bytes.count {
    // The longest run for which neither sum can pass 32 bits.
    let end = min(bytes.count, start + 5552)
    for index in start..<end {
      a += UInt32(bytes[index])
      b += a
    }
    (a, b, start) = (a % 65521, b % 65521, end)
  }
  return b << 16 | a
}
