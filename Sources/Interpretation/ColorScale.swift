/// The colours of weights from 0 to 1: white over blue to almost black.
///
/// The scale goes by the square root of the weight, so that small weights can be told apart; lightness falls evenly.
enum ColorScale {
  /// How many colours there are besides white.
  static let levels = 25
  private static let stops: [(red: Double, green: Double, blue: Double)] = [
    (247, 251, 255), (208, 225, 242), (148, 196, 223), (74, 152, 201), (23, 100, 171), (8, 48, 107), (4, 20, 54),
  ]

  /// Where a weight lies on the scale, from 0 to 1.
  static func position(_ weight: Double) -> Double { min(max(weight, 0), 1).squareRoot() }

  /// The colour of a finite weight; 0, for none, below half a percent.
  static func level(_ weight: Float) -> Int {
    weight < 0.005 ? 0 : min(levels, 1 + Int(position(Double(weight)) * Double(levels)))
  }

  /// The colour of a level, as CSS has it.
  static func color(_ level: Int) -> String {
    let place = Double(level - 1) / Double(levels - 1) * Double(stops.count - 1)
    let index = min(Int(place), stops.count - 2), part = place - Double(index)
    let (a, b) = (stops[index], stops[index + 1])
    func mixed(_ a: Double, _ b: Double) -> Int { Int((a + (b - a) * part).rounded()) }
    return "rgb(\(mixed(a.red, b.red)),\(mixed(a.green, b.green)),\(mixed(a.blue, b.blue)))"
  }
}
