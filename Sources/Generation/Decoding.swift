import Formats
import Models

/// How a model's scores become a text: sampling or search, the rules of what may come, and how long it may be.
public struct Decoding: Sendable, Equatable {
  /// How each token is chosen where there is no search.
  public var sampling: Sampling = .greedy
  /// The search; one beam is none.
  public var beams = BeamSearch()
  /// What may come and what must.
  public var rules = TokenRules()
  /// How many new tokens there are at most; nil where it is not said.
  public var maxTokens: Int?
  /// How many tokens there are at most, those included that the text begins with; `maxTokens` counts where both are there.
  public var maxLength: Int?

  /// The likeliest token each time.
  public init() {}

  /// What a model's folder asks for, in `generation_config.json` or, where there is none, in `config.json`.
  ///
  /// All but sampling is read, which a caller chooses; `PretrainedModel.settingsNotHonoured(in:)` lists what would change
  /// the likeliest tokens besides. The end tokens are the model's.
  ///
  /// - Throws: what reading the files throws, and a typed error for a setting of another type or outside its range.
  public init(of folder: String) throws(InputError) {
    self.init()
    let own = try PretrainedModel.generationConfiguration(in: folder)
    let json: JSONField
    if let own { json = own } else { json = try PretrainedModel.configuration(in: folder) }
    func count(_ key: String, from least: Int = 0) throws(InputError) -> Int? {
      try json.optional(key)?.int(in: least...1 << 40)
    }
    func tokens(_ field: JSONField) throws(InputError) -> [Int] {
      var ids: [Int] = []
      for element in try field.array(atMost: 1 << 20) { ids.append(try element.int()) }
      return ids
    }
    func tokens(_ key: String) throws(InputError) -> [Int] {
      guard let field = try json.optional(key) else { return [] }
      if field.kind == .integer { return [try field.int()] }
      return try tokens(field)
    }
    beams.width = try json.optional("num_beams")?.int(in: 1...1024) ?? 1
    beams.best = try json.optional("num_return_sequences")?.int(in: 1...1024) ?? 1
    beams.lengthPenalty = try json.optional("length_penalty")?.double(in: -100...100) ?? 1
    beams.stopping = try json.optional("early_stopping")?.stopping() ?? .whenUnlikely
    // Several texts of one beam would be samples, which a caller asks for.
    if beams.width == 1 { beams.best = 1 }
    rules.repetitionPenalty = try json.optional("repetition_penalty")?.double(in: 1e-6...1e6) ?? 1
    rules.unrepeatedLength = try count("no_repeat_ngram_size") ?? 0
    if let words = try json.optional("bad_words_ids") {
      for field in try words.array(atMost: 1 << 16) { rules.badWords.append(try tokens(field)) }
    }
    // Where both are said, the number of new tokens counts.
    let (minNewTokens, minLength) = (try count("min_new_tokens"), try count("min_length"))
    (rules.minNewTokens, rules.minLength) = (minNewTokens ?? 0, minNewTokens == nil ? minLength ?? 0 : 0)
    rules.forcedSecondToken = try json.optional("forced_bos_token_id")?.int()
    rules.forcedLastTokens = try tokens("forced_eos_token_id")
    rules.suppressedTokens = try tokens("suppress_tokens")
    rules.suppressedFirstTokens = try tokens("begin_suppress_tokens")
    rules.renormalizes = try json.optional("renormalize_logits")?.bool() ?? false
    maxTokens = try count("max_new_tokens", from: 1)
    maxLength = try count("max_length", from: 1)
  }
}

extension JSONField {
  /// `true`, `false` or `"never"`.
  fileprivate func stopping() throws(InputError) -> BeamSearch.Stopping {
    if kind == .string {
      guard try string() == "never" else {
        throw error(.badValue, "is no way to stop", advice: "Known are true, false and \"never\".")
      }
      return .whenImpossible
    }
    return try bool() ? .whenFull : .whenUnlikely
  }
}
