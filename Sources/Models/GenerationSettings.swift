import Formats

/// A setting of `generation_config.json`.
public struct GenerationSetting: Sendable, Equatable {
  /// Its name there.
  public let name: String
  /// What it is set to.
  public let value: JSONValue

  /// A setting.
  public init(name: String, value: JSONValue) { (self.name, self.value) = (name, value) }
}

extension PretrainedModel {
  /// The settings of a folder that ask for other tokens than those of the largest scores, or for another end, and that
  /// generation here does not honour. Whoever generates as a folder asks should say that these were left aside.
  ///
  /// They are read from `generation_config.json` or, as older models have it, from `config.json` where there is none.
  /// A model that is one file has none. A setting whose value changes nothing (a guidance scale of 1, an empty list) is not listed, nor are those of sampling,
  /// which a caller chooses.
  ///
  /// - Throws: `notFound` where there is neither file, the errors of JSON, `wrongType` where a file is no object, and
  ///   `tooLarge` for a setting of more than 64 KB.
  public static func settingsNotHonoured(in folder: String) throws(InputError) -> [GenerationSetting] {
    try AtomicDirectory.recoverIfAbsent(folder)
    if try fileKind(folder) == .file { return [] }
    var json = try generationConfiguration(in: folder)
    if json == nil { json = try configuration(in: folder) }
    var settings: [GenerationSetting] = []
    for (name, neutral) in neutralValues {
      if let field = try json?.optional(name), try !field.changesNothing(like: neutral) {
        settings.append(GenerationSetting(name: name, value: try field.value()))
      }
    }
    return settings
  }

  /// By name, the number that changes nothing; nil where only an absent, an empty or a false value does.
  private static let neutralValues: [(name: String, neutral: Double?)] = [
    ("encoder_repetition_penalty", 1), ("encoder_no_repeat_ngram_size", 0), ("force_words_ids", nil),
    ("constraints", nil), ("forced_decoder_ids", nil), ("sequence_bias", nil),
    ("exponential_decay_length_penalty", nil), ("num_beam_groups", 1), ("penalty_alpha", 0), ("guidance_scale", 1),
    ("dola_layers", nil), ("watermarking_config", nil), ("stop_strings", nil), ("token_healing", nil),
  ]
}

extension JSONField {
  fileprivate func changesNothing(like neutral: Double?) throws(InputError) -> Bool {
    switch kind {
    case .null: true
    case .bool: try !bool()
    case .integer, .number: try double() == neutral
    case .array: try array().isEmpty
    case .object: try object().isEmpty
    case .string: false
    }
  }
}
