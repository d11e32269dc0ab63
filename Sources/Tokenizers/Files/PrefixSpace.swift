import Formats

/// Whether a text gets a space before it, where a `tokenizer_config.json` decides that and not the `tokenizer.json` beside
/// it: in the classes of `transformers` that build their own stages.
struct PrefixSpace {
  private let adds: Bool
  /// The setting, if there is one.
  private let setting: JSONField?

  /// - Returns: nil for classes that pay no heed to the setting.
  init?(_ setting: JSONField?, _ tokenizerClass: TokenizerClass?) {
    guard let custom = tokenizerClass?.addsPrefixSpace else { return nil }
    (adds, self.setting) = ((try? setting?.bool()) ?? custom, setting)
  }

  /// Sets it in all stages.
  ///
  /// - Throws: `unsupported` where it is asked for and no stage can do it.
  func apply(
    to preTokenizer: inout PreTokenizer, _ normalizer: inout Normalizer, _ decoder: inout Decoder
  ) throws(InputError) {
    var isSet = preTokenizer.set(prefixSpace: adds)
    for step in normalizer.steps { if case .prepend = step { isSet = true } }
    guard isSet || setting == nil || !adds else {
      throw InputError(
        .unsupported, "is true, but the tokenizer.json has no stage that puts a space before a text",
        at: setting?.path ?? "add_prefix_space", advice: "Leave it out, or save the tokenizer again.")
    }
    var isUndone = false
    decoder.tokenSteps = decoder.tokenSteps.map {
      guard case .metaspace(let replacement, _) = $0 else { return $0 }
      isUndone = true
      return .metaspace(replacement: replacement, dropsInFirst: adds)
    }
    let strip = Decoder.Strip(content: [UInt8(ascii: " ")], start: 1, stop: 0)
    if !adds {
      normalizer.steps.removeAll { if case .prepend = $0 { true } else { false } }
      decoder.textSteps.removeAll { $0 == strip }
    } else if !isUndone && preTokenizer.hasMetaspace && !decoder.textSteps.contains(strip) {
      decoder.textSteps.append(strip)
    }
  }
}

extension PreTokenizer {
  fileprivate var hasMetaspace: Bool { steps.contains { if case .metaspace = $0 { true } else { false } } }

  /// Sets whether texts get a space before them.
  ///
  /// - Returns: Whether there is a step that decides it.
  fileprivate mutating func set(prefixSpace adds: Bool) -> Bool {
    var isSet = false
    for (index, step) in steps.enumerated() {
      guard case .metaspace(let replacement, let scheme, let splits) = step else { continue }
      let other: PrependScheme = adds ? scheme == .never ? .always : scheme : .never
      (steps[index], isSet) = (.metaspace(replacement: replacement, other, splits: splits), true)
    }
    guard let start = byteLevelStart else { return isSet }
    let hasSpace = if case .prefixSpace = steps[start] { true } else { false }
    if adds && !hasSpace { steps.insert(.prefixSpace, at: start) }
    if !adds && hasSpace { steps.remove(at: start) }
    return true
  }
}
