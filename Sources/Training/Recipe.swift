@_exported import Formats

/// What a training run is made of: with the same kernels, two runs of the same recipe take the same steps, to the last
/// bit.
public struct Recipe: Sendable, Equatable {
  /// Of the first weights, the batches, dropout.
  public let seed: UInt64
  /// Everything else that a step depends on: the model's configuration, the sizes of batches, the learning rate.
  public let settings: JSONValue
  /// The SHA-256 of the tokenizer's file.
  public let tokenizerHash: String
  /// The SHA-256 of the data.
  public let dataHash: String

  /// A recipe.
  ///
  /// - Parameters:
  ///   - settings: by name; their values must be what JSON can hold.
  ///   - tokenizer: the tokenizer's file.
  ///   - data: the text.
  public init(seed: UInt64, settings: [(String, JSONValue)], tokenizer: [UInt8], data: [UInt8]) {
    self.seed = seed
    self.settings = .object(settings.map { JSONMember(JSONString($0.0), $0.1) })
    (tokenizerHash, dataHash) = (SHA256.digest(of: tokenizer), SHA256.digest(of: data))
  }

  init(_ json: JSONField) throws(InputError) {
    let seed = try json.required("seed")
    guard let number = UInt64(try seed.string()) else { throw seed.error(.badValue, "is no number of 64 bits") }
    self.seed = number
    settings = try json.required("settings").value(atMost: 1 << 20)
    let hash = try json.required("settings_sha256")
    guard try hash.string() == Recipe.hash(settings) else {
      throw hash.error(.badChecksum, "is not the checksum of the settings")
    }
    tokenizerHash = try json.required("tokenizer_sha256").string()
    dataHash = try json.required("data_sha256").string()
  }

  /// The members that a manifest has for it.
  func members() throws(InputError) -> [JSONMember] {
    [
      JSONMember("seed", .string(JSONString("\(seed)"))), JSONMember("settings", settings),
      JSONMember("settings_sha256", .string(JSONString(try Recipe.hash(settings)))),
      JSONMember("tokenizer_sha256", .string(JSONString(tokenizerHash))),
      JSONMember("data_sha256", .string(JSONString(dataHash))),
    ]
  }

  private static func hash(_ settings: JSONValue) throws(InputError) -> String {
    SHA256.digest(of: try settings.encoded())
  }

  /// Checks that a run of this recipe goes on where one of the recipe `saved` stopped.
  ///
  /// - Throws: `inconsistent`, with the first setting that differs.
  func requireSame(as saved: Recipe) throws(InputError) {
    func mismatch(_ what: String) -> InputError {
      InputError(
        .inconsistent, what, at: Manifest.fileName,
        advice: "Resume with the settings, the text and the tokenizer that the run began with.")
    }
    guard seed == saved.seed else { throw mismatch("the run was saved with the seed \(saved.seed), not \(seed)") }
    guard dataHash == saved.dataHash else { throw mismatch("the run was saved with another text") }
    guard tokenizerHash == saved.tokenizerHash else { throw mismatch("the run was saved with another tokenizer") }
    guard let (name, old, new) = difference("", saved.settings, settings) else { return }
    throw mismatch("the run was saved with \(name) \(try text(old)), not \(try text(new))")
  }

  /// The first setting that differs, by its path, with both values.
  private func difference(
    _ path: String, _ old: JSONValue?, _ new: JSONValue?
  ) -> (path: String, old: JSONValue?, new: JSONValue?)? {
    if old == new { return nil }
    guard case .object(let before) = old, case .object(let now) = new else { return (path, old, new) }
    for member in before + now {
      let (key, inside) = (member.key.text, path.isEmpty ? member.key.text : "\(path).\(member.key.text)")
      if let found = difference(inside, old?[key], new?[key]) { return found }
    }
    return ("the order of the settings", old, new)
  }

  private func text(_ value: JSONValue?) throws(InputError) -> String {
    guard let value else { return "absent" }
    return String(decoding: try value.encoded().prefix(200), as: UTF8.self)
  }
}
