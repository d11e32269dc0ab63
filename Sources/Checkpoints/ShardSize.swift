import Formats

/// The most bytes of tensors that a file of a sharded checkpoint holds; only a tensor that has more goes beyond, in a
/// file of its own. Headers are not counted.
public struct ShardSize: Sendable, Equatable {
  /// How many bytes.
  public let byteCount: Int

  /// - Precondition: `byteCount` is positive.
  public init(byteCount: Int) {
    precondition(byteCount > 0, "ShardSize: \(byteCount) bytes")
    self.byteCount = byteCount
  }

  /// What a unit stands for. Each factor is a Double exactly, so that a size is rounded once, as at Hugging Face.
  private static let units: [(name: String, factor: Double)] = [
    ("kib", 0x1p10), ("mib", 0x1p20), ("gib", 0x1p30), ("tib", 0x1p40),
    ("kb", 1e3), ("mb", 1e6), ("gb", 1e9), ("tb", 1e12),
  ]

  /// Reads a size as Hugging Face does: a decimal number and `KB`, `MB`, `GB` or `TB`, powers of 1000, as in `5GB` or
  /// `1.5 MB`.
  ///
  /// Hugging Face knows no others; here `KiB`, `MiB`, `GiB` and `TiB`, powers of 1024, are units too, and a number
  /// without one counts bytes. Any other unit, such as `G` or `PB`, is refused. Capitals do not matter, nor do spaces
  /// around the number. Number and unit are multiplied as Doubles, and a part of a byte is dropped.
  ///
  /// - Throws: `badValue` for what is no such size, for less than a byte, and for more than 2^60.
  public init(parsing text: String) throws(InputError) {
    func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
      var bytes = bytes.drop { $0 == UInt8(ascii: " ") }
      while bytes.last == UInt8(ascii: " ") { bytes.removeLast() }
      return bytes
    }
    // Bytes, for other characters than K have a k as their small letter.
    let isCapital = UInt8(ascii: "A")...UInt8(ascii: "Z")
    let size = trimmed(text.utf8.map { isCapital ~= $0 ? $0 | 0x20 : $0 }[...])
    let unit = Self.units.first { size.suffix($0.name.utf8.count).elementsEqual($0.name.utf8) }
    let digits = trimmed(size.dropLast(unit?.name.utf8.count ?? 0))
    let isDecimal = digits.allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 || $0 == UInt8(ascii: ".") }
    guard isDecimal, let number = Double(String(decoding: digits, as: UTF8.self)) else {
      throw InputError(.badValue, "\(JSONString(text).quoted) is no size", advice: "Use one like 5GB or 500MiB.")
    }
    let count = number * (unit?.factor ?? 1)
    guard 1...0x1p60 ~= count else {
      throw InputError(
        .badValue, "\(JSONString(text).quoted) is no size that a shard can have",
        advice: "Use one from a byte to 2^60 bytes.")
    }
    byteCount = Int(count)
  }
}
