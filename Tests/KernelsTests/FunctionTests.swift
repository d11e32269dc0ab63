import Kernels
import Testing

/// The unary functions against Double, over a stratified sample of all of Float32.
@Suite struct FunctionTests {
  /// Every 4093rd of the 2^32 patterns (more than 2^20, in every binade, of both signs) and the specials.
  static let sample: [Float] =
    stride(from: UInt64(0), to: 1 << 32, by: 4093).map { Float(bitPattern: UInt32($0)) } + specials

  /// Units of the last place; for the activations below -1 another bound holds.
  static func bound(_ f: UnaryFunction) -> Double {
    switch f {
    case .negate, .relu: 0
    case .reciprocal, .square, .squareRoot: 0.501
    case .exp, .log, .tanh, .sigmoid, .erf: 1
    case .silu, .gelu, .geluTanh: 3
    }
  }

  @Test(arguments: tables.map(\.name), UnaryFunction.allCases)
  func accuracy(of table: String, _ f: UnaryFunction) throws {
    let table = try #require(tables.first { $0.name == table })
    let x = Self.sample
    let y = table.unary(f, x)
    let isActivation = [.silu, .gelu, .geluTanh].contains(f)
    var (worst, worstBelow) = (Worst(), Worst())
    for (x, y) in zip(x, y) {
      let expected = Reference.unary(f, Double(x))
      if isActivation && x < -1 {
        worstBelow.note(abs(Double(y) - expected) / Double(x.magnitude), "\(x): \(y), not \(expected)")
      } else {
        worst.note(ulps(y, expected), "\(x): \(y), not \(expected)")
      }
    }
    #expect(worst.error <= Self.bound(f), "\(table.name) \(f): \(worst)")
    #expect(worstBelow.error <= 0x1p-24, "\(table.name) \(f) below -1: \(worstBelow)")
    if worst.error > 0 { print("\(table.name) \(f): \(worst) ulps") }
  }

  @Test(arguments: tables.map(\.name)) func exactValues(of table: String) throws {
    let table = try #require(tables.first { $0.name == table })
    func value(_ f: UnaryFunction, _ x: Float) -> Float { table.unary(f, [x])[0] }
    // Exactly, and with the sign of zero.
    let cases: [(UnaryFunction, Float, Float)] = [
      (.exp, -.infinity, 0), (.exp, .infinity, .infinity), (.exp, 0, 1), (.exp, -0.0, 1), (.exp, 88.7229, .infinity),
      (.exp, -104, 0), (.exp, -103.9, .leastNonzeroMagnitude), (.log, 0, -.infinity), (.log, -0.0, -.infinity),
      (.log, 1, 0), (.log, .infinity, .infinity), (.tanh, 0, 0), (.tanh, -0.0, -0.0), (.tanh, .infinity, 1),
      (.tanh, -.infinity, -1), (.sigmoid, 0, 0.5), (.sigmoid, -.infinity, 0), (.sigmoid, .infinity, 1), (.erf, 0, 0),
      (.erf, -0.0, -0.0), (.erf, .infinity, 1), (.erf, -.infinity, -1), (.relu, -.infinity, 0),
      (.silu, -.infinity, -0.0), (.silu, .infinity, .infinity), (.gelu, -.infinity, -0.0),
      (.gelu, .infinity, .infinity), (.gelu, -0.0, -0.0), (.geluTanh, -.infinity, -0.0),
      (.geluTanh, .infinity, .infinity), (.negate, 0, -0.0), (.negate, -0.0, 0), (.squareRoot, -0.0, -0.0),
      (.squareRoot, .infinity, .infinity), (.squareRoot, .leastNonzeroMagnitude, 0x1.6a09e6p-75),
      (.reciprocal, -0.0, -.infinity), (.reciprocal, .infinity, 0),
    ]
    for (f, x, expected) in cases {
      let y = value(f, x)
      #expect(y.bitPattern == expected.bitPattern, "\(table.name) \(f)(\(x)) is \(y), not \(expected)")
    }
    for x: Float in [-1, -.infinity, -.leastNonzeroMagnitude] {
      #expect(value(.log, x).isNaN && value(.squareRoot, x).isNaN)
    }
    for f in UnaryFunction.allCases {
      for nan: Float in [.nan, -.nan, .signalingNaN, Float(bitPattern: 0x7fff_ffff)] {
        #expect(value(f, nan).isNaN && table.derivative(f, [nan])[0].isNaN || f == .negate || f == .square)
        #expect(value(f, nan).isNaN, "\(table.name) \(f)")
      }
    }
  }

  /// A result is the same in any lane and at any distance from the end, in place too.
  @Test(arguments: tables.map(\.name)) func lanesAndTails(of table: String) throws {
    let table = try #require(tables.first { $0.name == table })
    var numbers = Numbers(1)
    let x = numbers.array(awkwardLengths.max() ?? 0, 12)
    for f in UnaryFunction.allCases {
      let whole = table.unary(f, x)
      for (i, x) in x.prefix(40).enumerated() {
        #expect(table.unary(f, [x])[0].bitPattern == whole[i].bitPattern || whole[i].isNaN)
      }
      for count in awkwardLengths {
        var y = x
        y.withUnsafeMutableBufferPointer { y in
          guard let start = y.baseAddress else { return }
          table.unary(f, start, start, count)
        }
        let expected = whole.prefix(count) + x.dropFirst(count)
        let differing = zip(y, expected).enumerated().filter { $1.0.bitPattern != $1.1.bitPattern && !$1.0.isNaN }
        #expect(differing.isEmpty, "\(table.name) \(f) of \(count) in place: element \(differing[0].offset)")
      }
    }
  }

  /// Derivatives against the reference's, and the reference's against central differences of the reference.
  @Test(arguments: UnaryFunction.allCases) func derivatives(of f: UnaryFunction) {
    var numbers = Numbers(2)
    let positive: Set<UnaryFunction> = [.log, .squareRoot, .reciprocal]
    let x = numbers.array(4001, 9).map { positive.contains(f) ? $0.magnitude + 0.1 : $0 }
    var differences = Worst()
    for x in x where f != .relu || x.magnitude > 1e-3 {
      let (x, h) = (Double(x), 1e-5)
      let slope = (Reference.unary(f, x + h) - Reference.unary(f, x - h)) / (2 * h)
      let expected = Reference.unaryDerivative(f, x)
      differences.note(abs(slope - expected) / max(1, abs(expected)), "\(x): \(expected), not \(slope)")
    }
    #expect(differences.error < 1e-6, "\(f): \(differences)")

    for table in tables {
      let worst = worstError(
        table.derivative(f, x), x.map { Reference.unaryDerivative(f, Double($0)) }, floor: 0.1)
      #expect(worst.error < 2e-6, "\(table.name) \(f)': \(worst)")
      print("\(table.name) \(f)': \(worst) relative")
    }
  }

  @Test func derivativesAtTheEnds() {
    for table in tables {
      for f: UnaryFunction in [.tanh, .sigmoid, .erf, .relu, .silu, .gelu, .geluTanh] {
        for x: Float in [.infinity, -.infinity, .greatestFiniteMagnitude, -.greatestFiniteMagnitude, 200, -200] {
          let expected = Float(Reference.unaryDerivative(f, Double(x)))
          #expect(table.derivative(f, [x])[0] == expected, "\(table.name) \(f)'(\(x))")
        }
      }
    }
  }
}
