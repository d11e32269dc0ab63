@_exported import Kernels

/// An array of numbers with a shape: a value, contiguous, and row-major but for matrices that were packed for products.
///
/// Arithmetic is Float32. How the numbers are kept is the tensor's `format`; every operation accepts every format and
/// widens what it reads. Copies share memory until one of them is changed. Shapes that do not fit are the calling
/// program's mistake and stop it with a message that names the operation and the shapes.
public struct Tensor: Sendable {
  /// The sizes of the axes.
  public let shape: Shape
  /// How the numbers are kept.
  public let format: StorageFormat
  /// How they lie in memory; row-major but for packed matrices.
  let arrangement: Arrangement
  var storage: Storage
  /// The place on a tape that this value has, where operations on it are being recorded.
  package var trace: Trace?

  init(
    shape: Shape, format: StorageFormat, arrangement: Arrangement = .rowMajor, storage: Storage, trace: Trace? = nil
  ) {
    (self.shape, self.format, self.arrangement) = (shape, format, arrangement)
    (self.storage, self.trace) = (storage, trace)
  }

  /// A tensor whose elements are not yet written.
  package init(uninitialized shape: Shape, format: StorageFormat = .float32) {
    self.init(shape: shape, format: format, storage: Pool.shared.take(format.byteCount(of: shape.elementCount)))
  }

  /// The number of axes.
  public var rank: Int { shape.rank }
  /// The number of elements.
  public var elementCount: Int { shape.elementCount }
  /// The bytes that the elements take; of a packed matrix, with the columns that fill its last panel.
  public var byteCount: Int { format.byteCount(of: keptCount) }
}

// MARK: - Making tensors

extension Tensor {
  /// A tensor of the given elements, in row-major order.
  public init(_ scalars: [Float], shape: Shape) {
    precondition(
      scalars.count == shape.elementCount, "Tensor: \(scalars.count) elements do not fill the shape \(shape)")
    self.init(uninitialized: shape)
    scalars.withUnsafeBufferPointer { source in
      if let base = source.baseAddress { target.update(from: base, count: source.count) }
    }
  }

  /// A vector.
  public init(_ scalars: [Float]) { self.init(scalars, shape: Shape(scalars.count)) }

  /// A scalar: a tensor without axes.
  public init(_ scalar: Float) { self.init(repeating: scalar, shape: Shape()) }

  /// A tensor whose elements are all `value`.
  public init(repeating value: Float, shape: Shape) {
    self.init(uninitialized: shape)
    FillWork(value: value, target: target, count: elementCount).runOnCrew()
  }

  /// All zeros.
  public static func zeros(_ shape: Shape) -> Tensor { Tensor(repeating: 0, shape: shape) }
  /// All ones.
  public static func ones(_ shape: Shape) -> Tensor { Tensor(repeating: 1, shape: shape) }

  /// A tensor of normally distributed elements with mean 0.
  ///
  /// Element `i` is a function of `random`'s key and `i` alone.
  public static func normal(_ shape: Shape, standardDeviation: Float = 1, random: Random) -> Tensor {
    let result = Tensor(uninitialized: shape)
    let target = result.target
    for i in 0..<shape.elementCount { target[i] = random.normal(i) * standardDeviation }
    return result
  }

  /// A tensor of elements spread evenly over `range`.
  public static func uniform(_ shape: Shape, in range: ClosedRange<Float> = 0...1, random: Random) -> Tensor {
    let result = Tensor(uninitialized: shape)
    let target = result.target
    let width = range.upperBound - range.lowerBound
    for i in 0..<shape.elementCount { target[i] = range.lowerBound + random.uniform(i) * width }
    return result
  }

  /// A tensor of a shape without memory: for a parameter that a checkpoint will fill, or the gradient of one that is
  /// frozen. Computing with it stops the program.
  public static func placeholder(_ shape: Shape) -> Tensor {
    Tensor(shape: shape, format: .float32, storage: .placeholder)
  }

  /// Whether there are no elements: they are still to be loaded, or there never will be any.
  public var isPlaceholder: Bool { storage === Storage.placeholder }
}

// MARK: - Reading elements

extension Tensor {
  /// The elements in row-major order.
  public var scalars: [Float] { withScalars { Array($0) } }

  /// The only element of a tensor that has one.
  public var scalar: Float {
    precondition(elementCount == 1, "scalar: the shape \(shape) has \(elementCount) elements")
    return withScalars { $0[0] }
  }

  /// Reads the elements in place.
  public func withScalars<Result>(_ body: (UnsafeBufferPointer<Float>) throws -> Result) rethrows -> Result {
    let values = widened
    return try withExtendedLifetime(values) {
      try body(UnsafeBufferPointer(start: values.source, count: elementCount))
    }
  }

  /// Reads the kept bytes in `format` and row-major order: in place, but of a packed matrix.
  package func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
    requireLoaded()
    let values = rowMajor
    return try withExtendedLifetime(values) {
      try body(UnsafeRawBufferPointer(start: UnsafeRawPointer(values.storage.base), count: values.byteCount))
    }
  }

  /// Writes the kept bytes; the memory is this tensor's own afterwards.
  package mutating func withMutableBytes<Result, Failure: Error>(
    _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    makeExclusive()
    return try body(UnsafeMutableRawBufferPointer(start: storage.base, count: byteCount))
  }

  /// Changes the elements in place; a kept format other than Float32 is widened first.
  ///
  /// While a gradient is recorded, a value that it goes through cannot be changed: the change would have no derivative.
  public mutating func withMutableScalars<Result>(
    _ body: (UnsafeMutableBufferPointer<Float>) throws -> Result
  ) rethrows -> Result {
    if format != .float32 { self = widened }
    makeExclusive()
    return try body(UnsafeMutableBufferPointer(start: target, count: elementCount))
  }

  /// Makes the memory this tensor's own and row-major, copying it where another tensor shares it.
  mutating func makeExclusive() {
    requireLoaded()
    precondition(
      trace.map { !$0.tape.isOpen } ?? true,
      "a value of the shape \(shape) is changed in place while its gradient is recorded: change its `detached` copy")
    if arrangement != .rowMajor { self = rowMajor }
    if Pool.shared.isExclusive(&storage) { return }
    let copy = Pool.shared.take(byteCount)
    copy.base.copyMemory(from: storage.base, byteCount: byteCount)
    storage = copy
  }

  func requireLoaded() {
    precondition(!isPlaceholder, "a parameter of the shape \(shape) is used before it was loaded or initialised")
  }

  /// The kept bytes, for kernels that read them in their format.
  var rawSource: UnsafeRawPointer {
    requireLoaded()
    return UnsafeRawPointer(storage.base)
  }

  /// The elements of a Float32 tensor, for kernels. The caller keeps the tensor alive.
  package var source: Source {
    precondition(
      format == .float32 && arrangement == .rowMajor, "source: the tensor is kept as \(format), \(arrangement)")
    return rawSource.assumingMemoryBound(to: Float.self)
  }

  /// The elements of a Float32 tensor that nobody else has seen yet.
  package var target: Target { storage.base.assumingMemoryBound(to: Float.self) }
}

// MARK: - Formats

extension Tensor {
  /// The same numbers as Float32, exactly, in row-major order; the tensor itself where it is that already.
  public var widened: Tensor {
    let values = rowMajor
    if format == .float32 { return values }
    var result = Tensor(uninitialized: shape)
    kernels.widen(format, values.rawSource, result.target, elementCount)
    result.trace = trace
    return result
  }

  /// The numbers kept in `format`: rounded to nearest, ties to even, where it is narrower.
  ///
  /// The result is a constant: no gradient flows through a narrowing.
  public func kept(as format: StorageFormat) -> Tensor {
    if format == self.format { return self }
    var result = widened
    if format != .float32 {
      let values = result
      result = Tensor(uninitialized: shape, format: format)
      kernels.narrow(format, values.source, result.storage.base, elementCount)
    }
    if case .panels(_, let transposed) = arrangement { return result.packedForProducts(transposed: transposed) }
    return result
  }

  /// The same value as a constant: what is computed from it does not reach a gradient.
  public var detached: Tensor {
    Tensor(shape: shape, format: format, arrangement: arrangement, storage: storage)
  }
}

extension Tensor: CustomStringConvertible {
  /// The shape and the first elements.
  public var description: String {
    guard !isPlaceholder else { return "Tensor\(shape) (not loaded)" }
    let shown = withScalars { $0.prefix(8).map { "\($0)" } }
    return "Tensor\(shape) [" + shown.joined(separator: ", ") + (elementCount > 8 ? ", ..." : "") + "]"
  }
}
