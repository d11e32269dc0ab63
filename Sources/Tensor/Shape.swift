/// The sizes of a tensor's axes, outermost first; at most six, kept without heap memory.
public struct Shape: Sendable, Hashable {
  /// The most axes that a tensor may have.
  public static let mostAxes = 6
  /// The greatest size of an axis.
  public static let longestAxis = Int(Int32.max)

  // Two halves, since a value that must lie at multiples of 32 breaks asynchronous functions that hold it: the
  // language's runtime gives their frames multiples of 16 only.
  private var outer = SIMD4<Int32>(repeating: 1)
  private var inner = SIMD4<Int32>(repeating: 1)
  /// The number of axes; 0 for a scalar.
  public private(set) var rank: Int

  /// The shape of a scalar.
  public init() { rank = 0 }

  /// A vector's shape.
  public init(_ a: Int) {
    self.init()
    append(a)
  }
  /// A matrix's shape.
  public init(_ a: Int, _ b: Int) {
    self.init(a)
    append(b)
  }
  /// The shape of three axes.
  public init(_ a: Int, _ b: Int, _ c: Int) {
    self.init(a, b)
    append(c)
  }
  /// The shape of four axes.
  public init(_ a: Int, _ b: Int, _ c: Int, _ d: Int) {
    self.init(a, b, c)
    append(d)
  }

  /// The shape with the sizes in `sizes`.
  public init(_ sizes: some Sequence<Int>) {
    self.init()
    for size in sizes { append(size) }
  }

  /// The shape with the sizes in `sizes`, which come from outside; nil where they are more than `mostAxes`, or one of them
  /// is negative or beyond `longestAxis`.
  public init?(exactly sizes: [Int]) {
    guard sizes.count <= Shape.mostAxes, sizes.allSatisfy({ 0...Shape.longestAxis ~= $0 }) else { return nil }
    self.init(sizes)
  }

  /// Adds an innermost axis.
  public mutating func append(_ size: Int) {
    precondition(rank < Shape.mostAxes, "a shape of more than \(Shape.mostAxes) axes")
    rank += 1
    self[rank - 1] = size
  }

  /// The number of elements: the product of the sizes, 1 for a scalar.
  public var elementCount: Int {
    var count = 1
    for axis in 0..<rank {
      let (product, overflow) = count.multipliedReportingOverflow(by: size(axis))
      precondition(!overflow, "the shape \(self) has more elements than an Int can count")
      count = product
    }
    return count
  }

  /// The size of an axis; negative numbers count from the innermost, -1.
  public subscript(axis: Int) -> Int {
    get { size(index(of: axis)) }
    set {
      precondition(0...Shape.longestAxis ~= newValue, "an axis of size \(newValue)")
      let axis = index(of: axis), size = Int32(truncatingIfNeeded: newValue)
      if axis < 4 { outer[axis] = size } else { inner[axis - 4] = size }
    }
  }

  private func size(_ axis: Int) -> Int { Int(axis < 4 ? outer[axis] : inner[axis - 4]) }

  /// The position of an axis that may be counted from the innermost.
  func index(of axis: Int) -> Int {
    let index = axis < 0 ? axis + rank : axis
    precondition(index >= 0 && index < rank, "axis \(axis) of the shape \(self)")
    return index
  }

  /// The sizes as an array.
  public var array: [Int] { (0..<rank).map { size($0) } }

  /// The product of the sizes of `axes`.
  func product(_ axes: Range<Int>) -> Int {
    var product = 1
    for axis in axes { product *= size(axis) }
    return product
  }

  /// The size of the innermost axis, 1 for a scalar.
  var width: Int { rank == 0 ? 1 : size(rank - 1) }
  /// How many innermost rows there are.
  var rowCount: Int { product(0..<max(rank - 1, 0)) }
}

extension Shape: ExpressibleByArrayLiteral, CustomStringConvertible {
  /// The shape with the given sizes.
  public init(arrayLiteral sizes: Int...) { self.init(sizes) }
  /// The sizes in brackets.
  public var description: String { "[" + array.map(String.init).joined(separator: ", ") + "]" }
}
