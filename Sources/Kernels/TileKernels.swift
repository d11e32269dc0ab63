/// The kernels that multiply large matrices in tile registers, Float32 throughout.
///
/// Tile registers multiply bfloat16 numbers and add in Float32. A Float32 is the sum of three of those, eight bits of its
/// mantissa each, and a product of two is, but for less than 2^-24 of it, the sum of the six largest products of their
/// parts. So the matrices are packed as three parts, and each depth adds its six products, the smaller ones first: the
/// result is as close as a chain of Float32 multiply-adds. A right matrix that is kept as bfloat16 is one part, and takes
/// three products.
///
/// The registers take numbers below 2^-126 for zero. So what a product loses of a number below 2^-110, which is less
/// than 2^-126, is lost whole; and a block that holds infinities or NaN is for other kernels.
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

  /// Packs a strip of at most `side` rows of a left matrix; returns whether all its values are finite.
  public let packLeft:
    @Sendable (
      _ layout: MatrixLayout, _ source: Source, _ stride: Int, _ rows: Int, _ depth: Int,
      _ target: UnsafeMutableRawPointer
    ) -> Bool
  /// Packs a panel of at most `side` columns of a right matrix; returns whether all its values are finite. `start` and
  /// `stride` count elements.
  public let packRight:
    @Sendable (
      _ format: StorageFormat, _ layout: MatrixLayout, _ source: UnsafeRawPointer, _ start: Int, _ stride: Int,
      _ columns: Int, _ depth: Int, _ target: UnsafeMutableRawPointer
    ) -> Bool
  /// `c[0..<rows, 0..<columns] (+)= left * right` for one packed strip, and packed panels one after the other.
  public let multiply:
    @Sendable (
      _ left: UnsafeRawPointer, _ rows: Int, _ right: UnsafeRawPointer, _ format: StorageFormat, _ columns: Int,
      _ depth: Int, _ c: Target, _ cStride: Int, _ accumulating: Bool
    ) -> Void

  /// The kernels, from closures around the bodies.
  package init(
    packLeft: @escaping @Sendable (MatrixLayout, Source, Int, Int, Int, UnsafeMutableRawPointer) -> Bool,
    packRight:
      @escaping @Sendable (
        StorageFormat, MatrixLayout, UnsafeRawPointer, Int, Int, Int, Int, UnsafeMutableRawPointer
      ) -> Bool,
    multiply:
      @escaping @Sendable (
        UnsafeRawPointer, Int, UnsafeRawPointer, StorageFormat, Int, Int, Target, Int, Bool
      ) -> Void
  ) {
    (self.packLeft, self.packRight, self.multiply) = (packLeft, packRight, multiply)
  }
}
