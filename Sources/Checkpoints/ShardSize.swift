import Formats

/// The most bytes of tensors that a file of a sharded checkpoint holds; only a tensor that has more goes beyond, in a file
/// of its own. Headers are not counted.
public struct ShardSize: Sendable, Equatable {
  /// How many bytes.
  public let byteCount: Int

  /// - Precondition: `byteCount` is positive.
  public init(byteCount: Int) {
    precondition(byteCount > 0, "ShardSize: \(byteCount) bytes")
    self.byteCount = byteCount
  }

  /// Reads a size as Hugging Face writes it: `5GB`, `1.5 MB`. `KB`, `MB`, `GB` and `TB` are powers of 1000; `KiB`, `MiB`, `GiB`
  /// and `TiB`, which it does not know, are powers of 1024; a number alone counts bytes. Capitals do not matter, and a part
  /// of a byte is dropped.
  ///
  /// - Throws: `badValue` for anything else, for less than a byte, and for more than 2^60.
  public init(parsing text: String) throws(InputError) {
    let size = text.filter { $0 != " " }.lowercased()
    let units = zip(["k", "m", "g", "t"], 1...).flatMap { prefix, power in
      [(prefix + "ib", 1024, power), (prefix + "b", 1000, power)]
    }
    let unit = units.first { size.hasSuffix($0.0) }
    let digits = size.dropLast(unit?.0.utf8.count ?? 0)
    let isDecimal = digits.utf8.allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 || $0 == UInt8(ascii: ".") }
    guard isDecimal, var count = Double(digits) else {
      throw InputError(.badValue, "\(JSONString(text).quoted) is no size", advice: "Use one like 5GB or 500MiB.")
    }
    if let unit { for _ in 0..<unit.2 { count *= Double(unit.1) } }
    guard 1...0x1p60 ~= count else {
      throw InputError(.badValue, "\(JSONString(text).quoted) is no size that a shard can have")
    }
    byteCount = Int(count)
  }
}
