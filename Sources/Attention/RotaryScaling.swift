import Foundation

/// How rotary frequencies are changed for longer contexts than the model was trained on.
public enum RotaryScaling: Sendable, Equatable {
  /// As trained.
  case none
  /// All positions divided by a factor (Chen et al. 2023).
  case linear(factor: Double)
  /// A base that grows with the text, from `trainedContext` tokens on ("dynamic NTK"). Keys that were turned when the
  /// text was shorter stay as they are.
  case dynamic(factor: Double, trainedContext: Int)
  /// Llama 3.1: low frequencies divided by `factor`, high ones kept, those between blended.
  case llama3(factor: Double, lowFrequencyFactor: Double, highFrequencyFactor: Double, originalContext: Int)
  /// Frequencies divided or kept by how often they turn, and larger scores (Peng et al. 2023).
  case yarn(YaRN)
  /// A divisor for every frequency, one set for short and one for long texts (Ding et al. 2024).
  case longRoPE(LongRoPE)

  /// The numbers of YaRN.
  public struct YaRN: Sendable, Equatable {
    /// What low frequencies are divided by.
    public var factor: Double
    /// The context that the model was trained on.
    public var originalContext: Int
    /// Frequencies that turn more often than this in the original context are kept.
    public var fastTurns = 32.0
    /// Those that turn less often are divided by the factor; those between are blended.
    public var slowTurns = 1.0
    /// Whether the blend begins and ends at whole pairs.
    public var roundsBlend = true
    /// What cosines and sines are multiplied by; so scores grow by its square.
    public var magnitude: Double

    /// The numbers of the paper, for a factor and an original context.
    public init(factor: Double, originalContext: Int) {
      (self.factor, self.originalContext) = (factor, originalContext)
      magnitude = YaRN.magnitude(factor)
    }

    /// `0.1 * weight * ln(factor) + 1`, and 1 for factors up to 1.
    public static func magnitude(_ factor: Double, weight: Double = 1) -> Double {
      factor <= 1 ? 1 : 0.1 * weight * log(factor) + 1
    }
  }

  /// The numbers of LongRoPE.
  public struct LongRoPE: Sendable, Equatable {
    /// A divisor for the frequency of each pair, in texts up to the original context.
    public var shortFactors: [Double]
    /// The divisors in longer texts.
    public var longFactors: [Double]
    /// The context that the model was trained on.
    public var originalContext: Int
    /// What cosines and sines are multiplied by, in short texts too.
    public var magnitude: Double

    /// Divisors for each pair; cosines and sines stay as they are unless a magnitude is given.
    public init(shortFactors: [Double], longFactors: [Double], originalContext: Int, magnitude: Double = 1) {
      (self.shortFactors, self.longFactors) = (shortFactors, longFactors)
      (self.originalContext, self.magnitude) = (originalContext, magnitude)
    }
  }
}

extension RotaryScaling {
  /// What cosines and sines are multiplied by.
  var magnitude: Double {
    switch self {
    case .none, .linear, .dynamic, .llama3: 1
    case .yarn(let yarn): yarn.magnitude
    case .longRoPE(let long): long.magnitude
    }
  }

  /// Texts of lengths of one kind have the same frequencies.
  func kind(length: Int) -> Int {
    switch self {
    case .none, .linear, .llama3, .yarn: 0
    case .dynamic(_, let context): max(length, context)
    case .longRoPE(let long): length > long.originalContext ? 1 : 0
    }
  }

  /// Radians per position for each pair, in a text of `length` tokens.
  func frequencies(headWidth: Int, theta: Double, length: Int) -> [Double] {
    let pairs = 0..<headWidth / 2
    func trained(_ theta: Double, _ pair: Int) -> Double { pow(theta, -Double(2 * pair) / Double(headWidth)) }
    switch self {
    case .none: return pairs.map { trained(theta, $0) }
    case .linear(let factor): return pairs.map { trained(theta, $0) / factor }
    case .dynamic(let factor, let context):
      guard length > context, headWidth > 2 else { return pairs.map { trained(theta, $0) } }
      let growth = factor * Double(length) / Double(context) - (factor - 1)
      let grown = theta * pow(growth, Double(headWidth) / Double(headWidth - 2))
      return pairs.map { trained(grown, $0) }
    case .llama3(let factor, let low, let high, let context):
      return pairs.map { pair in
        let frequency = trained(theta, pair), wavelength = 2 * Double.pi / frequency
        if wavelength < Double(context) / high { return frequency }
        if wavelength > Double(context) / low { return frequency / factor }
        let blend = (Double(context) / wavelength - low) / (high - low)
        return (1 - blend) * frequency / factor + blend * frequency
      }
    case .yarn(let yarn):
      let blend = yarn.blend(headWidth: headWidth, theta: theta)
      return pairs.map { pair in
        let frequency = trained(theta, pair)
        let share = min(max((Double(pair) - blend.start) / (blend.end - blend.start), 0), 1)
        return frequency / yarn.factor * share + frequency * (1 - share)
      }
    case .longRoPE(let long):
      let factors = length > long.originalContext ? long.longFactors : long.shortFactors
      precondition(
        factors.count == pairs.count, "RotaryScaling: \(factors.count) factors for \(pairs.count) pairs of a head")
      return pairs.map { trained(theta, $0) / factors[$0] }
    }
  }
}

extension RotaryScaling.YaRN {
  /// The pairs between which frequencies are blended: those that turn `fastTurns` and `slowTurns` times in the original
  /// context.
  func blend(headWidth: Int, theta: Double) -> (start: Double, end: Double) {
    func pair(turning turns: Double) -> Double {
      Double(headWidth) * log(Double(originalContext) / (turns * 2 * Double.pi)) / (2 * log(theta))
    }
    var (start, end) = (pair(turning: fastTurns), pair(turning: slowTurns))
    if roundsBlend { (start, end) = (start.rounded(.down), end.rounded(.up)) }
    (start, end) = (max(start, 0), min(end, Double(headWidth - 1)))
    return (start, start == end ? end + 0.001 : end)
  }
}
