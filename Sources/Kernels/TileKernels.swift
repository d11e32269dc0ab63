/// The kernels that multiply large matrices in tile registers, Float32 throughout.
///
/// Tile registers multiply bfloat16 numbers and add in Float32. A Float32 is the sum of three of those, eight bits of its
/// mantissa each, and a product of two is, but for less than 2^-24 of it, the sum of the six largest products of their
/// parts, each rounded to nearest. So the matrices are packed as three parts, and each step of depths adds six sums of
/// products, the smaller ones first: the result is as close as a chain of Float32 multiply-adds. A right matrix that is
/// kept as bfloat16 is one part, and takes three products.
///
/// The registers take operands and sums below 2^-126 for zero. So numbers below 2^-110 and results below about 2^-102 are
/// less exact, and subnormal operands are lost, whatever they are multiplied by. Parts and their products may have other
/// signs than the whole: blocks that could reach infinity, or that hold it or NaN, are for other kernels.
///
/// Rows are packed in strips of `side`, columns in panels of `side`, depths in steps of `side`, each filled up with zeros.
public struct TileKernels: Sendable {
  /// Rows of a strip, columns of a panel and depths of a step: two tiles of 16 rows of 64 bytes.
  public static var side: Int { 32 }

  /// Whole strips, panels or steps that `count` rows, columns or depths take.
  public static func blocks(of count: Int) -> Int { (count + side - 1) / side }

  /// Bytes of a packed strip of the left matrix, whose values are three parts.
  public static func stripBytes(depth: Int) -> Int { blocks(of: depth) * side * side * 6 }
  /// Bytes of a packed panel of the right matrix: bfloat16 is one part, other formats are three.
  public static func panelBytes(depth: Int, _ format: StorageFormat) -> Int {
    blocks(of: depth) * side * side * (format == .bfloat16 ? 2 : 6)
  }

  /// Whether a strip and a panel of these largest magnitudes may be multiplied here: no part of theirs, no product of
  /// parts and no sum of 1024 such products reaches infinity. What such sums go on from is not counted.
  public static func canMultiply(_ left: Float, _ right: Float) -> Bool {
    left < 0x1p127 && right < 0x1p127 && left * right <= 0x1p116
  }

  /// Packs a strip of at most `side` rows of a left matrix; returns the largest magnitude, or NaN where there is one.
  public let packLeft:
    @Sendable (
      _ layout: MatrixLayout, _ source: Source, _ stride: Int, _ rows: Int, _ depth: Int,
      _ target: UnsafeMutableRawPointer
    ) -> Float
  /// Packs a panel of at most `side` columns of a right matrix; returns as `packLeft`. `start` and `stride` count
  /// elements.
  public let packRight:
    @Sendable (
      _ format: StorageFormat, _ layout: MatrixLayout, _ source: UnsafeRawPointer, _ start: Int, _ stride: Int,
      _ columns: Int, _ depth: Int, _ target: UnsafeMutableRawPointer
    ) -> Float
  /// `c[0..<rows, 0..<columns] (+)= left * right` for packed strips and panels, `stripBytes` and `panelBytes` apart, of
  /// which the first `depth` depths count (those up to the next `side` must be zeros in one of the two); sums go
  /// on from what `c` holds. Nothing else of `c` is touched. Meanwhile `nextBytes` from `next` on, what is multiplied next,
  /// are brought into the second-level cache.
  public let multiply:
    @Sendable (
      _ left: UnsafeRawPointer, _ stripBytes: Int, _ rows: Int, _ right: UnsafeRawPointer, _ panelBytes: Int,
      _ format: StorageFormat, _ columns: Int, _ depth: Int, _ c: Target, _ cStride: Int, _ accumulating: Bool,
      _ next: UnsafeRawPointer, _ nextBytes: Int
    ) -> Void

  /// As `KernelTable.attendRows` for at most `side` rows of scores, with room for `present` in whole steps of `side`: the
  /// exponentials, and zeros beyond, are packed as a strip too. Returns a magnitude that none exceeds, or NaN where
  /// there is one. Lines of the strip beyond the rows are left as they are.
  public let attendRows:
    @Sendable (
      _ scores: Target, _ stride: Int, _ rows: Int, _ seen: UnsafePointer<Int32>, _ present: Int, _ scale: Float,
      _ largest: Target, _ total: Target, _ sums: Target, _ width: Int, _ strip: UnsafeMutableRawPointer
    ) -> Float

  /// The kernels, from closures around the bodies.
  package init(
    packLeft: @escaping @Sendable (MatrixLayout, Source, Int, Int, Int, UnsafeMutableRawPointer) -> Float,
    packRight:
      @escaping @Sendable (
        StorageFormat, MatrixLayout, UnsafeRawPointer, Int, Int, Int, Int, UnsafeMutableRawPointer
      ) -> Float,
    multiply:
      @escaping @Sendable (
        UnsafeRawPointer, Int, Int, UnsafeRawPointer, Int, StorageFormat, Int, Int, Target, Int, Bool,
        UnsafeRawPointer, Int
      ) -> Void,
    attendRows:
      @escaping @Sendable (
        Target, Int, Int, UnsafePointer<Int32>, Int, Float, Target, Target, Target, Int, UnsafeMutableRawPointer
      ) -> Float
  ) {
    (self.packLeft, self.packRight, self.multiply, self.attendRows) = (packLeft, packRight, multiply, attendRows)
  }
}
