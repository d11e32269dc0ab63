import Attention
import Formats
import Foundation

extension JSONField {
  /// The base and the scaling of rotary positions.
  ///
  /// Old files have `rope_theta` and `rope_scaling`, new ones `rope_parameters` with both. Where a file has both, the
  /// newer place has the base, and the scalings must be the same: readers differ about which one counts.
  func rotaryPositions(
    headWidth: Int, contextLength: Int
  ) throws(InputError) -> (theta: Double, scaling: RotaryScaling) {
    let (parameters, old) = (try optional("rope_parameters"), try optional("rope_scaling"))
    let places = [parameters, self].compactMap { $0 }
    var base = 10000.0
    for place in places.reversed() {
      if let theta = try place.optional("rope_theta") { base = try theta.double(in: 1...1e12) }
    }
    for field in places {
      if let part = try field.optional("partial_rotary_factor"), try part.double() != 1 {
        throw part.error(.unsupported, "rotating a part of a head is not implemented")
      }
    }
    // Some files keep it beside the scaling; it then counts before the scaling's own.
    let original = try optional("original_max_position_embeddings")?.int(in: SizeLimit.context)
    func scaling(_ field: JSONField) throws(InputError) -> RotaryScaling {
      let context = TrainedContext(headWidth: headWidth, length: contextLength, original: original)
      return try field.rotaryScaling(context)
    }
    let new = try parameters.map(scaling), other = try old.map(scaling)
    if let old, let new, let other, new != other {
      throw old.error(
        .inconsistent, "says another scaling than rope_parameters", advice: "Remove the one that is wrong.")
    }
    return (base, new ?? other ?? .none)
  }

  /// The scaling that an object of `config.json` says.
  private func rotaryScaling(_ context: TrainedContext) throws(InputError) -> RotaryScaling {
    let (newKind, oldKind) = (try optional("rope_type"), try optional("type"))
    guard let kind = newKind ?? oldKind else {
      let others: Set<JSONString> = ["rope_type", "type", "rope_theta", "partial_rotary_factor"]
      if let (key, field) = try object().first(where: { !others.contains($0.key) && !$0.field.isNull }) {
        throw field.error(.missing, "\(key.quoted) is set, but no rope_type says what it is for")
      }
      return .none
    }
    if let newKind, let oldKind, try newKind.string() != oldKind.string() {
      throw oldKind.error(.inconsistent, "is not the rope_type")
    }
    switch try kind.string() {
    case "default": return .none
    case "linear": return .linear(factor: try factor("factor"))
    case "dynamic": return .dynamic(factor: try factor("factor"), trainedContext: context.length)
    case "llama3": return try llama3(context)
    case "yarn": return .yarn(try yarn(context))
    case "longrope": return .longRoPE(try longRoPE(context))
    case let name:
      throw kind.error(
        .unsupported, "the rotary scaling \"\(name)\" is not implemented",
        advice: "Known are default, linear, dynamic, llama3, yarn and longrope.")
    }
  }

  private func factor(_ key: String) throws(InputError) -> Double { try required(key).double(in: 1e-3...1e6) }

  private func llama3(_ context: TrainedContext) throws(InputError) -> RotaryScaling {
    let (low, high) = (try factor("low_freq_factor"), try factor("high_freq_factor"))
    let own = try required("original_max_position_embeddings").int(in: SizeLimit.context)
    guard low < high else {
      throw error(.inconsistent, "low_freq_factor \(low) is not below high_freq_factor \(high)")
    }
    return .llama3(
      factor: try factor("factor"), lowFrequencyFactor: low, highFrequencyFactor: high,
      originalContext: context.original ?? own)
  }

  private func yarn(_ context: TrainedContext) throws(InputError) -> RotaryScaling.YaRN {
    let original = try originalContext(context)
    let factor = try growth(context, original)
    var yarn = RotaryScaling.YaRN(factor: factor, originalContext: original)
    // 0 means the usual number, as in the reference.
    if let fast = try optional("beta_fast")?.double(in: 0...1e6), fast != 0 { yarn.fastTurns = fast }
    if let slow = try optional("beta_slow")?.double(in: 0...1e6), slow != 0 { yarn.slowTurns = slow }
    if let field = try optional("truncate") { yarn.roundsBlend = try field.bool() }
    let weights = (try optional("mscale")?.double(in: 0...1e3), try optional("mscale_all_dim")?.double(in: 0...1e3))
    if let one = weights.0, let all = weights.1, one != 0, all != 0 {
      yarn.magnitude =
        RotaryScaling.YaRN.magnitude(factor, weight: one) / RotaryScaling.YaRN.magnitude(factor, weight: all)
    }
    if let field = try optional("attention_factor") { yarn.magnitude = try field.double(in: 0...1e6) }
    return yarn
  }

  private func longRoPE(_ context: TrainedContext) throws(InputError) -> RotaryScaling.LongRoPE {
    func factors(_ key: String) throws(InputError) -> [Double] {
      let field = try required(key)
      var factors: [Double] = []
      for element in try field.array(atMost: 1 << 16) { factors.append(try element.double(in: 1e-3...1e6)) }
      guard factors.count == context.headWidth / 2 else {
        throw field.error(
          .inconsistent, "has \(factors.count) factors for the \(context.headWidth / 2) pairs of a head")
      }
      return factors
    }
    let original = try originalContext(context)
    let growth = try growth(context, original)
    let usual = growth <= 1 || original < 2 ? 1 : (1 + log(growth) / log(Double(original))).squareRoot()
    return RotaryScaling.LongRoPE(
      shortFactors: try factors("short_factor"), longFactors: try factors("long_factor"), originalContext: original,
      magnitude: try optional("attention_factor")?.double(in: 0...1e6) ?? usual)
  }

  private func originalContext(_ context: TrainedContext) throws(InputError) -> Int {
    let own = try optional("original_max_position_embeddings")?.int(in: SizeLimit.context)
    return context.original ?? own ?? context.length
  }

  /// How much longer the context became: `factor`, or as the lengths say.
  private func growth(_ context: TrainedContext, _ original: Int) throws(InputError) -> Double {
    try optional("factor")?.double(in: 1e-3...1e6) ?? Double(context.length) / Double(original)
  }
}

/// What a scaling needs to know of the rest of the configuration.
private struct TrainedContext {
  var headWidth: Int
  /// The positions that the configuration says.
  var length: Int
  /// The positions of training, where they stand beside the scaling.
  var original: Int?
}

extension RotaryScaling {
  /// `rope_scaling` as Hugging Face reads it.
  var json: JSONValue {
    switch self {
    case .none: .null
    case .linear(let factor): ["rope_type": "linear", "factor": .number(factor)]
    case .dynamic(let factor, _): ["rope_type": "dynamic", "factor": .number(factor)]
    case .llama3(let factor, let low, let high, let context):
      [
        "rope_type": "llama3", "factor": .number(factor), "low_freq_factor": .number(low),
        "high_freq_factor": .number(high), "original_max_position_embeddings": .integer(context),
      ]
    case .yarn(let yarn):
      [
        "rope_type": "yarn", "factor": .number(yarn.factor),
        "original_max_position_embeddings": .integer(yarn.originalContext), "beta_fast": .number(yarn.fastTurns),
        "beta_slow": .number(yarn.slowTurns), "truncate": .bool(yarn.roundsBlend),
        "attention_factor": .number(yarn.magnitude),
      ]
    case .longRoPE(let long):
      [
        "rope_type": "longrope", "short_factor": .array(long.shortFactors.map { .number($0) }),
        "long_factor": .array(long.longFactors.map { .number($0) }),
        "original_max_position_embeddings": .integer(long.originalContext),
        "attention_factor": .number(long.magnitude),
      ]
    }
  }
}
