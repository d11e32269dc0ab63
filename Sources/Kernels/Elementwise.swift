/// One element at a time.
public enum Elementwise {
  /// Gives `f` on vectors to `body`, one copy of which is compiled for each function.
  @export(implementation) @inline(always) static func withVectorForm<V: FloatVector>(
    of f: UnaryFunction, _: V.Type, _ body: ((V) -> V) -> Void
  ) {
    switch f {
    case .negate: body { -$0 }
    case .reciprocal: body { V(repeating: 1) / $0 }
    case .square: body { $0 * $0 }
    case .squareRoot: body { Functions.squareRoot($0) }
    case .exp: body { Functions.exp($0) }
    case .log: body { Functions.log($0) }
    case .tanh: body { Functions.tanh($0) }
    case .sigmoid: body { Functions.sigmoid($0) }
    case .erf: body { Functions.erf($0) }
    case .relu: body { $0.maximum(V.zero) }
    case .silu: body { Activations.silu($0) }
    case .gelu: body { Activations.gelu($0) }
    case .geluTanh: body { Activations.geluTanh($0) }
    }
  }

  /// The body of `KernelTable.unary`.
  @export(implementation) @inline(always) public static func unary<V: FloatVector>(
    _: V.Type, _ f: UnaryFunction, _ x: Source, _ y: Target, _ count: Int
  ) {
    withVectorForm(of: f, V.self) { f in Sweep.map(V.self, x, y, count, f) }
  }

  /// The body of `KernelTable.finishRows`.
  @export(implementation) @inline(always) public static func finishRows<V: FloatVector>(
    _: V.Type, _ bias: Source?, _ f: UnaryFunction?, _ y: Target, _ stride: Int, _ rows: Int, _ width: Int
  ) {
    @inline(always) func eachRow(_ f: (V) -> V) {
      var row = 0
      while row < rows {
        let y = y + row &* stride
        if let bias {
          Sweep.map(V.self, Source(y), bias, y, width) { f($0 + $1) }
        } else {
          Sweep.map(V.self, Source(y), y, width, f)
        }
        row &+= 1
      }
    }
    if let f { withVectorForm(of: f, V.self, eachRow) } else { eachRow { $0 } }
  }

  /// The body of `KernelTable.unaryGradient`.
  @export(implementation) @inline(always) public static func unaryGradient<V: FloatVector>(
    _: V.Type, _ f: UnaryFunction, _ x: Source, _ dy: Source, _ dx: Target, _ count: Int
  ) {
    switch f {
    case .negate: Sweep.map(V.self, dy, dx, count) { -$0 }
    case .reciprocal: Sweep.map(V.self, x, dy, dx, count) { x, dy in -((dy / x) / x) }
    case .square: Sweep.map(V.self, x, dy, dx, count) { x, dy in dy * (x + x) }
    case .squareRoot: Sweep.map(V.self, x, dy, dx, count) { x, dy in dy / (Functions.squareRoot(x) * V(repeating: 2)) }
    case .exp: Sweep.map(V.self, x, dy, dx, count) { x, dy in dy * Functions.exp(x) }
    case .log: Sweep.map(V.self, x, dy, dx, count) { x, dy in dy / x }
    case .tanh:
      // 4 s(2x) s(-2x) with the logistic s: 1 - tanh^2 would cancel.
      Sweep.map(V.self, x, dy, dx, count) { x, dy in
        let (s, c) = Activations.sigmoids(x + x)
        return dy * (V(repeating: 4) * s * c)
      }
    case .sigmoid:
      Sweep.map(V.self, x, dy, dx, count) { x, dy in
        let (s, c) = Activations.sigmoids(x)
        return dy * (s * c)
      }
    case .erf:
      Sweep.map(V.self, x, dy, dx, count) { x, dy in
        dy * (V(repeating: 1.12837917) * Activations.gaussian(x.magnitude.minimum(V(repeating: 10))))
      }
    case .relu:
      Sweep.map(V.self, x, dy, dx, count) { x, dy in
        V.select(V.zero, lessThan: x, dy, else: V.zero).bitsOr(x.nanMask)
      }
    case .silu: Sweep.map(V.self, x, dy, dx, count) { x, dy in dy * Activations.siluDerivative(x) }
    case .gelu: Sweep.map(V.self, x, dy, dx, count) { x, dy in dy * Activations.geluDerivative(x) }
    case .geluTanh: Sweep.map(V.self, x, dy, dx, count) { x, dy in dy * Activations.geluTanhDerivative(x) }
    }
  }

  /// The larger operand, NaN where either is NaN.
  @export(implementation) @inline(always) static func maximum<V: FloatVector>(_ a: V, _ b: V) -> V {
    a.maximum(b).bitsOr(b.nanMask)
  }

  @export(implementation) @inline(always) static func minimum<V: FloatVector>(_ a: V, _ b: V) -> V {
    a.minimum(b).bitsOr(b.nanMask)
  }

  /// The body of `KernelTable.binary`.
  @export(implementation) @inline(always) public static func binary<V: FloatVector>(
    _: V.Type, _ f: BinaryFunction, _ a: Source, _ b: Source, _ y: Target, _ count: Int
  ) {
    switch f {
    case .add: Sweep.map(V.self, a, b, y, count) { $0 + $1 }
    case .subtract: Sweep.map(V.self, a, b, y, count) { $0 - $1 }
    case .multiply: Sweep.map(V.self, a, b, y, count) { $0 * $1 }
    case .divide: Sweep.map(V.self, a, b, y, count) { $0 / $1 }
    case .maximum: Sweep.map(V.self, a, b, y, count) { maximum($0, $1) }
    case .minimum: Sweep.map(V.self, a, b, y, count) { minimum($0, $1) }
    }
  }

  /// The body of `KernelTable.binaryScalar`.
  @export(implementation) @inline(always) public static func binaryScalar<V: FloatVector>(
    _: V.Type, _ f: BinaryFunction, _ a: Source, _ s: Float, _ y: Target, _ count: Int
  ) {
    let b = V(repeating: s)
    switch f {
    case .add: Sweep.map(V.self, a, y, count) { $0 + b }
    case .subtract: Sweep.map(V.self, a, y, count) { $0 - b }
    case .multiply: Sweep.map(V.self, a, y, count) { $0 * b }
    case .divide: Sweep.map(V.self, a, y, count) { $0 / b }
    case .maximum: Sweep.map(V.self, a, y, count) { maximum($0, b) }
    case .minimum: Sweep.map(V.self, a, y, count) { minimum($0, b) }
    }
  }

  /// The body of `KernelTable.addScaled`.
  @export(implementation) @inline(always) public static func addScaled<V: FloatVector>(
    _: V.Type, _ s: Float, _ x: Source, _ y: Target, _ count: Int
  ) {
    let scale = V(repeating: s)
    @inline(always) func body(_ chunk: Chunk<V>) {
      chunk.store(chunk.load(y).adding(scale, times: chunk.load(x)), to: y)
    }
    Sweep.each(V.self, count, body)
  }
}
