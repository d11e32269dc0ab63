import Foundation
import Models
import Tensor
import TestSupport
import Testing

/// Folders as transformers 5.23 saves them, with what it computes; Tests/Fixtures/make_fixtures.py writes them.
enum ModelFixture {
  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Fixtures/Models")
  static let names: [String] =
    ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []).filter { !$0.hasPrefix(".") }.sorted()

  static func path(_ name: String) -> String { folder.appending(path: name).path }

  /// The tensors of a safetensors file.
  static func tensors(_ path: String) throws -> [(name: String, value: Tensor)] {
    let checkpoint = try SafetensorsCheckpoint(at: path)
    var values = NamedTensors(checkpoint.tensors.map { ($0.entry.name.text, .placeholder(Shape($0.entry.shape))) })
    try checkpoint.load(into: &values)
    return values.parameters
  }

  /// What a folder's model makes of its fixture's inputs.
  static func outputs(_ name: String, of folder: String? = nil) throws -> [(name: String, value: Tensor)] {
    try PretrainedModel.loadAny(from: folder ?? path(name))
      .outputs(of: ForwardInputs(opening: path(name) + "/inputs.safetensors"))
  }
}

@Suite struct ArchitectureTests {
  @Test func allFixturesAreThere() {
    #expect(ModelFixture.names.count == 101)
    #expect(Set(Architecture.all.map(\.name)).count == Architecture.all.count)
  }

  @Test(arguments: ModelFixture.names) func outputsAreTransformers(_ name: String) throws {
    let found = try ModelFixture.outputs(name)
    let expected = try ModelFixture.tensors(ModelFixture.path(name) + "/outputs.safetensors")
    #expect(Set(found.map(\.name)) == Set(expected.map(\.name)))
    for (key, value) in expected {
      let other = try #require(found.first { $0.name == key }).value
      #expect(other.shape == value.shape, "\(key)")
      let largest = value.scalars.reduce(0) { max($0, abs($1)) }
      let worst = zip(other.scalars, value.scalars).reduce(Float(0)) { max($0, abs($1.0 - $1.1)) }
      #expect(worst <= 2e-5 * largest && !worst.isNaN, "\(key): \(worst) of \(largest)")
    }
  }

  @Test(arguments: ModelFixture.names) func savedAndLoadedAgainTheBytesAreTheSame(_ name: String) throws {
    try RuntimeSettings.unchanged {
      try withFolder { folder in
        func save(_ source: String, _ target: String) throws {
          let model = try #require(try PretrainedModel.loadAny(from: source) as? any SavableModel)
          let destination = try AtomicDirectory(replacing: target)
          try model.save(to: destination)
          try destination.commit()
        }
        try save(ModelFixture.path(name), folder + "/a")
        try save(folder + "/a", folder + "/b")
        for file in ["config.json", "model.safetensors"] {
          let (a, b) = (
            try Data(contentsOf: URL(filePath: "\(folder)/a/\(file)")),
            try Data(contentsOf: URL(filePath: "\(folder)/b/\(file)"))
          )
          #expect(a == b, "\(file)")
        }
        // The file as transformers wrote it, but for the tied bias that counts for nothing beside an own decoder's.
        let (theirs, ours) = (
          try ModelFixture.tensors(ModelFixture.path(name) + "/model.safetensors"),
          try ModelFixture.tensors(folder + "/a/model.safetensors")
        )
        #expect(Set(theirs.map(\.name)) == Set(ours.map(\.name)))
        for (key, value) in theirs where !(name.hasSuffix("untied") && key == "cls.predictions.bias") {
          #expect(ours.first { $0.name == key }.map { sameBits($0.value, value) } == true, "\(key)")
        }
        for (a, b) in zip(try ModelFixture.outputs(name), try ModelFixture.outputs(name, of: folder + "/b")) {
          #expect(a.name == b.name && sameBits(a.value, b.value))
        }
      }
    }
  }

  /// The fixture's tensors, changed, and what the model then makes of the inputs.
  private func outputs(
    _ name: String, _ body: (inout [(name: String, value: Tensor)]) -> Void = { _ in },
    configuration change: (String) -> String = { $0 }
  ) throws -> [(name: String, value: Tensor)] {
    var tensors = try ModelFixture.tensors(ModelFixture.path(name) + "/model.safetensors")
    body(&tensors)
    let text = try String(contentsOfFile: ModelFixture.path(name) + "/config.json", encoding: .utf8)
    return try withFolder { folder in
      try TestFolder(configuration: change(text), tensors: tensors).write(to: folder)
      return try ModelFixture.outputs(name, of: folder)
    }
  }

  private func same(_ a: [(name: String, value: Tensor)], _ b: [(name: String, value: Tensor)]) -> Bool {
    a.count == b.count && zip(a, b).allSatisfy { $0.name == $1.name && sameBits($0.value, $1.value) }
  }

  @Test func whatOldFilesHaveIsRead() throws {
    try RuntimeSettings.unchanged {
      for name in ["bert", "bert-masked-lm", "bert-pretraining", "roberta-masked-lm", "distilbert-masked-lm"] {
        let expected = try ModelFixture.outputs(name)
        let prefix = name.split(separator: "-")[0] + "."
        let old = try outputs(name) { tensors in
          for index in tensors.indices {
            var key = tensors[index].name
            if key.contains("LayerNorm") {
              key = key.replacingOccurrences(of: "LayerNorm.weight", with: "LayerNorm.gamma")
              key = key.replacingOccurrences(of: "LayerNorm.bias", with: "LayerNorm.beta")
            }
            tensors[index].name = key.hasPrefix(prefix) ? String(key.dropFirst(prefix.count)) : key
          }
          tensors.append(("embeddings.position_ids", .ones([1, 20])))
        }
        #expect(same(old, expected), "\(name)")
      }
    }
  }

  @Test func tiedDecodersInEveryForm() throws {
    try RuntimeSettings.unchanged {
      for (name, table, decoder, bias) in [
        ("bert-masked-lm", "bert.", "cls.predictions.decoder", "cls.predictions.bias"),
        ("roberta-masked-lm", "roberta.", "lm_head.decoder", "lm_head.bias"),
        ("distilbert-masked-lm", "distilbert.", "vocab_projector", "vocab_projector.bias"),
      ] {
        let embedding = table + "embeddings.word_embeddings.weight"
        let expected = try ModelFixture.outputs(name)
        func value(_ key: String, _ tensors: [(name: String, value: Tensor)]) -> Tensor {
          tensors.first { $0.name == key }?.value ?? Tensor(0)
        }
        let both = try outputs(name) { tensors in
          tensors.append((decoder + ".weight", value(embedding, tensors)))
          if bias != decoder + ".bias" { tensors.append((decoder + ".bias", value(bias, tensors))) }
        }
        #expect(same(both, expected), "\(name)")
        let decoderOnly = try outputs(name) { tensors in
          for index in tensors.indices {
            if tensors[index].name == embedding { tensors[index].name = decoder + ".weight" }
            if tensors[index].name == bias { tensors[index].name = decoder + ".bias" }
          }
        }
        #expect(same(decoderOnly, expected), "\(name)")
        // A decoder that differs is the model's own, whatever the configuration says.
        let own = try outputs(name) { tensors in
          tensors.append((decoder + ".weight", value(embedding, tensors) * -1))
        }
        #expect(!same(own, expected), "\(name)")
      }
    }
  }

  /// A head that the configuration does not tie must be there: transformers goes on with random numbers, and says so.
  @Test func untiedHeadsMustBeThere() throws {
    func tying(_ ties: Bool?) -> (String) -> String {
      { text in
        guard let json = try? JSONValue(parsing: Array(text.utf8)), case .object(var members) = json else { return "" }
        members.removeAll { $0.key == "tie_word_embeddings" }
        if let ties { members.append(JSONMember("tie_word_embeddings", .bool(ties))) }
        return (try? JSONValue.object(members).encoded()).map { String(decoding: $0, as: UTF8.self) } ?? ""
      }
    }
    let own = "lm_head.weight", tables = ["model.encoder.embed_tokens.weight", "model.decoder.embed_tokens.weight"]
    for (name, heads) in [
      ("llama-lm", [own]), ("gpt2-lm", [own]), ("mistral-lm", [own]), ("qwen2-lm", [own]), ("bart-lm", [own] + tables),
      ("marian-lm", [own] + tables), ("bert-masked-lm", ["cls.predictions.decoder.weight"]),
      ("roberta-masked-lm", ["lm_head.decoder.weight"]), ("distilbert-masked-lm", ["vocab_projector.weight"]),
    ] {
      let without: (inout [(name: String, value: Tensor)]) -> Void = { tensors in
        tensors.removeAll { heads.contains($0.name) }
      }
      do {
        _ = try outputs(name, without, configuration: tying(false))
        Issue.record("\(name) has a head")
      } catch let error as InputError {
        for head in heads { #expect("\(error)".contains(head), "\(name): \(error)") }
        #expect(error.kind == .missing, "\(error)")
      }
      #expect(try outputs(name, without, configuration: tying(true)).isEmpty == false)
      // Llama and its kin tie only what says so, the others unless it says not.
      let isLlama = name == "llama-lm" || name == "mistral-lm" || name == "qwen2-lm"
      let silent = Result { try outputs(name, without, configuration: tying(nil)) }
      #expect((try? silent.get()) == nil ? isLlama : !isLlama, "\(name)")
    }
    // T5 always ties: its flag says another thing.
    _ = try outputs("t5-lm", configuration: tying(false))
    // A table that is missing where the head is there.
    for (name, table) in [("llama-lm", "model.embed_tokens.weight"), ("bart-lm", "model.shared.weight")] {
      let moved: (inout [(name: String, value: Tensor)]) -> Void = { tensors in
        tensors.removeAll { $0.name == own }
        for index in tensors.indices where tensors[index].name == table { tensors[index].name = own }
      }
      #expect(throws: InputError.self) { try outputs(name, moved, configuration: tying(false)) }
      _ = try outputs(name, moved, configuration: tying(true))
    }
  }

  /// An output of its own beside tables that are shared: other readers find all that they need.
  @Test func whatIsSavedOfAnOwnOutputNamesAllTables() throws {
    let c = Transformer.Configuration(
      .bart, vocabularySize: 11, contextLength: 9, width: 4, layerCount: 1, headCount: 2)
    var (tables, initializer) = (Transformer.Tables(c), Initializer.random(seed: 1))
    tables.outputHasOwn = true
    let model = Transformer.With<Transformer.LanguageHead>(c, tables: tables, &initializer)
    #expect(model.folderConfiguration["tie_word_embeddings"] == .bool(true))
    try withFolder { folder in
      let destination = try AtomicDirectory(replacing: folder + "/a")
      try model.save(to: destination)
      try destination.commit()
      let loaded = try Transformer.With<Transformer.LanguageHead>.load(from: folder + "/a")
      #expect(loaded.parameters.map(\.name) == model.parameters.map(\.name))
    }
  }

  @Test func partsOfOtherTasksAreLeftAside() throws {
    try RuntimeSettings.unchanged {
      let heads: [(name: String, value: Tensor)] = [
        ("cls.predictions.bias", .ones([37])), ("cls.seq_relationship.weight", .ones([2, 16])),
        ("bert.pooler.dense.weight", .ones([16, 16])),
      ]
      let expected = try ModelFixture.outputs("bert-token-classification")
      #expect(same(try outputs("bert-token-classification") { $0 += heads }, expected))
      #expect(throws: InputError.self) {
        try outputs("bert-token-classification") { $0.append(("classifier.scale", .ones([2]))) }
      }
      #expect(throws: InputError.self) {
        try outputs("bert-masked-lm") { $0.append(("cls.predictions.decoder.bias", .ones([37]))) }
      }
      // An encoder whose file has no pooler gives no pooler's output.
      let bare = try outputs("bert") { tensors in tensors.removeAll { $0.name.hasPrefix("pooler") } }
      #expect(bare.map(\.name) == ["last_hidden_state"])
    }
  }

  @Test func unknownArchitecturesAndSettings() throws {
    func found(_ name: String, _ old: String, _ new: String) throws -> InputError? {
      do {
        _ = try outputs(name, configuration: { $0.replacingOccurrences(of: old, with: new) })
      } catch let error as InputError { return error }
      return nil
    }
    let unknown = try #require(try found("bert", "BertModel", "BertForPoetry"))
    #expect(unknown.kind == .unsupported && unknown.what.contains("BertForPoetry"))
    for name in [
      "BertForMaskedLM", "XLMRobertaModel", "DistilBertForQuestionAnswering", "GPT2LMHeadModel", "LlamaModel",
    ] {
      #expect(unknown.advice.contains(name))
    }
    #expect(try found("bert", "\"add_cross_attention\": false", "\"add_cross_attention\": true")?.kind == .unsupported)
    #expect(
      try found("bert", "\"use_cache\"", "\"position_embedding_type\": \"relative_key\", \"use_cache\"")?.kind
        == .unsupported)
    #expect(try found("bert", "\"num_attention_heads\": 4", "\"num_attention_heads\": 3")?.kind == .inconsistent)
    #expect(try found("roberta", "\"pad_token_id\": 1", "\"pad_token_id\": 23")?.kind == .inconsistent)
    #expect(try found("bert", "\"model_type\": \"bert\"", "\"model_type\": \"gpt2\"")?.kind == .unsupported)
    #expect(try found("bert", "[\n    \"BertModel\"\n  ]", "[]")?.kind == .badValue)
    #expect(try found("bert-token-classification", "\"2\": \"place\"", "\"3\": \"place\"")?.kind == .missing)
  }

  /// Every setting with every kind of value: a model or an error, never a crash.
  @Test(arguments: [
    "bert-sequence-classification", "roberta-masked-lm", "distilbert-multiple-choice", "gpt2-sequence-classification",
    "qwen3-lm", "mistral", "llama-yarn", "vit", "deit-teacher",
  ])
  func damagedConfigurations(_ name: String) throws {
    let bytes = try Data(contentsOf: URL(filePath: ModelFixture.path(name) + "/config.json"))
    let members = Array(try JSONField(parsing: Array(bytes)).object())
    let values: [JSONValue] = [
      .null, .bool(true), .integer(-1), .integer(0), .integer(1), .integer(3), .integer(1 << 20), .integer(.max),
      .integer(.min), .number(1e300), .number(0.5), .string("relu"), .array([]), .array([.integer(-7)]), .object([]),
      .object([JSONMember("0", .integer(1))]),
    ]
    var refused = 0
    for index in members.indices {
      for value in values {
        let changed = try members.enumerated().map { JSONMember($1.key, $0 == index ? value : try $1.field.value()) }
        let text = String(decoding: try JSONValue.object(changed).encoded(), as: UTF8.self)
        do { _ = try outputs(name, configuration: { _ in text }) } catch let error as InputError {
          #expect(!error.what.isEmpty)
          refused += 1
        }
      }
    }
    #expect(refused > members.count)
  }

  @Test func inputsAreChecked() throws {
    func kind(
      _ inputs: [(name: String, shape: [Int], values: [Int64])], of name: String = "bert"
    ) throws -> InputError.Kind? {
      let model = try PretrainedModel.loadAny(from: ModelFixture.path(name))
      return try withFolder { folder in
        let path = folder + "/inputs.safetensors"
        let entries = inputs.map { SafetensorsTensor(name: JSONString($0.name), dtype: .int64, shape: $0.shape) }
        try SafetensorsWriter.write(entries, to: path) { (index, sink) throws(InputError) in
          try sink.write(
            inputs[index].values.flatMap { value in (0..<8).map { UInt8(truncatingIfNeeded: value >> (8 * Int64($0))) }
            })
        }
        let opened = try ForwardInputs(opening: path)
        return errorKind { () throws(InputError) in try model.outputs(of: opened) }
      }
    }
    #expect(try kind([("input_ids", [1, 3], [1, 2, 36])]) == nil)
    #expect(try kind([("input_ids", [1, 3], [1, 2, 36]), ("token_type_ids", [1, 3], [0, 2, 1])]) == nil)
    #expect(try kind([]) == .missing)
    #expect(try kind([("input_ids", [1, 3], [1, 2, 37])]) == .badValue)
    #expect(try kind([("input_ids", [1, 3], [1, -2, 3])]) == .badValue)
    #expect(try kind([("input_ids", [1, 3], [1, 2, .max])]) == .badValue)
    #expect(try kind([("input_ids", [3], [1, 2, 3])]) == .badValue)
    #expect(try kind([("input_ids", [1, 0], [])]) == .badValue)
    #expect(try kind([("input_ids", [1, 1, 3], [1, 2, 3])]) == .badValue)
    #expect(try kind([("input_ids", [1, 21], [Int64](repeating: 1, count: 21))]) == .tooLarge)
    #expect(try kind([("input_ids", [1, 2], [1, 2]), ("token_type_ids", [1, 2], [0, 3])]) == .badValue)
    #expect(try kind([("input_ids", [1, 2], [1, 2]), ("attention_mask", [2, 1], [1, 1])]) == .sizeMismatch)
    #expect(try kind([("input_ids", [1, 2], [1, 2]), ("attention_mask", [1, 2], [2, -1])]) == nil)
    #expect(try kind([("input_ids", [1, 2], [1, 2]), ("labels", [1, 2], [2, 1])]) == .unsupported)
    // Positions: below those that the model has, a row of them for each text or one for all.
    let ids: (String, [Int], [Int64]) = ("input_ids", [2, 2], [1, 2, 3, 4])
    for (name, limit) in [("bert", 20), ("roberta", 24), ("distilbert", 20), ("gpt2", 20)] {
      let last = Int64(limit - 1)
      #expect(try kind([ids, ("position_ids", [2, 2], [0, last, 3, 3])], of: name) == nil, "\(name)")
      #expect(try kind([ids, ("position_ids", [1, 2], [last, 0])], of: name) == nil)
      #expect(try kind([ids, ("position_ids", [2, 2], [0, last + 1, 3, 3])], of: name) == .badValue)
      #expect(try kind([ids, ("position_ids", [2, 2], [0, -1, 3, 3])], of: name) == .badValue)
      #expect(try kind([ids, ("position_ids", [2], [0, 1])], of: name) == .sizeMismatch)
    }
    #expect(try kind([ids, ("position_ids", [2, 2], [0, 20, 3, 5000])], of: "llama-lm") == nil)
    #expect(try kind([ids, ("position_ids", [2, 2], [0, 1 << 40, 3, 3])], of: "llama-lm") == .badValue)
    let types: (String, [Int], [Int64]) = ("token_type_ids", [2, 2], [0, 36, 0, 0])
    #expect(try kind([ids, types], of: "gpt2-lm") == nil)
    #expect(try kind([ids, ("token_type_ids", [2, 2], [0, 37, 0, 0])], of: "gpt2") == .badValue)
    for name in ["llama-lm", "distilbert", "t5-encoder"] { #expect(try kind([ids, types], of: name) == .unsupported) }
    #expect(try kind([ids, ("position_ids", [2, 2], [0, 1, 0, 1])], of: "t5-encoder") == .unsupported)
  }

  /// Masks of numbers of any kind keep what is not 0, as transformers turns them into truth values.
  @Test func masksOfAnyNumbers() throws {
    for name in ["bert", "distilbert-multiple-choice", "gpt2", "mistral", "t5", "bart"] {
      let file = try SafetensorsFile(opening: ModelFixture.path(name) + "/inputs.safetensors")
      let tensors = try file.entries.map { entry in
        let bytes = try file.bytes(of: entry, budget: 1 << 20)
        return (
          name: entry.name.text, shape: entry.shape, values: stride(from: 0, to: bytes.count, by: 8).map { bytes[$0] }
        )
      }
      #expect(tensors.contains { $0.name == "attention_mask" })
      let expected = try ModelFixture.outputs(name), model = try PretrainedModel.loadAny(from: ModelFixture.path(name))
      for (dtype, mark) in [
        (SafetensorsDType.float32, Float(1)), (.float32, 0.5), (.float16, -3), (.int64, 2), (.uint8, 7),
      ] {
        try withFolder { folder in
          let path = folder + "/inputs.safetensors"
          let entries = tensors.map { name, shape, _ in
            SafetensorsTensor(name: JSONString(name), dtype: name.hasSuffix("mask") ? dtype : .int64, shape: shape)
          }
          try SafetensorsWriter.write(entries, to: path) { (index, sink) throws(InputError) in
            let (name, _, values) = tensors[index]
            for value in values {
              let number = name.hasSuffix("mask") ? Float(value) * mark : Float(value)
              switch entries[index].dtype {
              case .float32: try sink.write(withUnsafeBytes(of: number.bitPattern.littleEndian, Array.init))
              case .float16: try sink.write(withUnsafeBytes(of: Float16(number).bitPattern.littleEndian, Array.init))
              case .uint8: try sink.write([UInt8(number)])
              default: try sink.write(withUnsafeBytes(of: Int64(number).littleEndian, Array.init))
              }
            }
          }
          #expect(same(try model.outputs(of: ForwardInputs(opening: path)), expected), "\(name), \(dtype) \(mark)")
        }
      }
    }
  }

  /// Without a padding token the ends of several rows cannot be told; one row ends with its last token.
  @Test func rowsWithoutAPaddingToken() throws {
    let name = "llama-sequence-classification"
    let bare = { (text: String) in text.replacingOccurrences(of: "\"pad_token_id\": 4", with: "\"pad_token_id\": null")
    }
    do {
      _ = try outputs(name, configuration: bare)
      Issue.record("three rows were taken")
    } catch let error as InputError { #expect(error.kind == .inconsistent && error.place == "input_ids") }
    var configuration = Llama.Configuration(
      vocabularySize: 9, contextLength: 8, width: 4, layerCount: 1, headCount: 2, feedForwardWidth: 4)
    func scores(_ ids: [Int]) -> Tensor {
      var pass = Pass()
      return DecoderWith<Llama.Decoder, SequenceScores>(configuration, seed: 1)(TokenBatch(ids), &pass)
    }
    let whole = scores([3, 5, 7])
    #expect(!sameBits(scores([3, 5, 7, 2]), whole))
    configuration.paddingToken = 2
    #expect(sameBits(scores([3, 5, 7, 2]), whole) && scores([2, 2]).scalars.allSatisfy { $0.isFinite })
  }

  /// Older files keep the base of rotary positions beside `rope_scaling`, whose kind is its `type`.
  @Test(arguments: ModelFixture.names.filter { $0.hasPrefix("llama-") })
  func rotaryPositionsInTheOlderSpelling(_ name: String) throws {
    try RuntimeSettings.unchanged {
      let found = try outputs(
        name,
        configuration: { text in
          guard let json = try? JSONValue(parsing: Array(text.utf8)), case .object(var members) = json,
            case .object(var rope) = json["rope_parameters"]
          else { return "" }
          members.removeAll { $0.key == "rope_parameters" }
          if let base = rope.first(where: { $0.key == "rope_theta" }) { members.append(base) }
          rope.removeAll { $0.key == "rope_theta" }
          rope = rope.map { $0.key == "rope_type" ? JSONMember("type", $0.value) : $0 }
          members.append(JSONMember("rope_scaling", .object(rope)))
          return (try? JSONValue.object(members).encoded()).map { String(decoding: $0, as: UTF8.self) } ?? ""
        })
      #expect(same(found, try ModelFixture.outputs(name)))
    }
  }

  @Test func imagesFromOutsideAreChecked() {
    let model = ViT(
      .init(imageSize: ImageSize(6), patchSize: ImageSize(2), width: 4, layerCount: 1, headCount: 2), seed: 1)
    func kind(_ shape: Shape) -> InputError.Kind? {
      errorKind { () throws(InputError) in try model.check(shape) }
    }
    #expect(kind([1, 3, 6, 6]) == nil && kind([2, 3, 2, 9]) == nil)
    for shape in [[3, 6, 6], [1, 1, 6, 6], [0, 3, 6, 6], [1, 3, 1, 6], [1, 3, 6, 1], [1, 3, 6, 6, 1]] as [Shape] {
      #expect(kind(shape) == .sizeMismatch, "\(shape)")
    }
    #expect(kind([1, 3, 1 << 18, 1 << 18]) == .budget && kind([1 << 30, 3, 6, 6]) == .budget)
  }

  @Test func textsFromOutsideAreChecked() {
    let model = BERT(
      .init(.roberta, vocabularySize: 11, positionCount: 9, width: 4, layerCount: 1, headCount: 2), seed: 1)
    func kind(_ ids: [Int]) -> InputError.Kind? {
      errorKind { () throws(InputError) in try model.check(ids) }
    }
    #expect(kind([0, 10]) == nil && kind([0, 11]) == .badValue && kind([-1]) == .badValue)
    // Of RoBERTa's nine rows, those up to the padding token's are no positions.
    #expect(kind([Int](repeating: 5, count: 7)) == nil && kind([Int](repeating: 5, count: 8)) == .tooLarge)
  }

  @Test func everyParameterIsListed() {
    func check(_ model: some Module) { #expect(checkModule(model) == []) }
    for family in BERT.Family.allCases {
      var configuration = BERT.Configuration(
        family, vocabularySize: 11, positionCount: 9, width: 4, layerCount: 2, headCount: 2)
      check(BERT(configuration, seed: 1))
      check(BERT.With<BERT.PreTrainingHead>(configuration, seed: 1))
      check(BERT.With<BERT.SequenceClassificationHead>(configuration, seed: 1))
      check(BERT.With<BERT.MultipleChoiceHead>(configuration, seed: 1))
      check(BERT.With<BERT.TokenClassificationHead>(configuration, seed: 1))
      check(BERT.With<BERT.QuestionAnsweringHead>(configuration, seed: 1))
      configuration.tiesDecoder = false
      check(BERT.With<BERT.MaskedLanguageHead>(configuration, seed: 1))
    }
    for family in ViT.Family.allCases {
      let configuration = ViT.Configuration(
        family, imageSize: ImageSize(6), patchSize: ImageSize(2), width: 4, layerCount: 2, headCount: 2)
      check(ViT(configuration, seed: 1))
      check(ViT.With<ImageClassificationHead>(configuration, seed: 1))
      var initializer = Initializer.random(seed: 1)
      check(ViT.Restorer(configuration, &initializer))
      if family == .deit { check(ViT.With<DistilledClassificationHead>(configuration, seed: 1)) }
    }
    for family in Transformer.Family.allCases {
      let configuration = Transformer.Configuration(
        family, vocabularySize: 11, contextLength: 9, width: 4, layerCount: 2, headCount: 2)
      check(Transformer.CausalLanguageModel(configuration, seed: 1))
    }
    var initializer = Initializer.random(seed: 1)
    let t5 = T5.Configuration(vocabularySize: 11, width: 4, layerCount: 2, headCount: 2)
    check(T5.TextClassifier(t5, &initializer))
    check(T5.AnswerFinder(t5, &initializer))
    check(T5.TokenClassifier(t5, &initializer))
    let gpt2 = GPT2.Configuration(vocabularySize: 11, contextLength: 6, width: 8, layerCount: 1, headCount: 2)
    check(GPT2.DoubleHeads(gpt2, hasHead: true, &initializer))
    check(DecoderWith<GPT2.Decoder, HiddenStates>(gpt2, seed: 1))
    check(DecoderWith<GPT2.Decoder, SequenceScores>(gpt2, seed: 1))
    check(DecoderWith<GPT2.Decoder, TokenScores>(gpt2, seed: 1))
    check(DecoderWith<GPT2.Decoder, AnswerScores>(gpt2, seed: 1))
  }

  @Test func weightsOfAttentionAreCaptured() throws {
    let configuration = BERT.Configuration(vocabularySize: 11, positionCount: 9, width: 4, layerCount: 2, headCount: 2)
    var pass = Pass(mask: .lengths([5, 3], of: 5), capture: Capture())
    _ = BERT(configuration, seed: 1)(TokenBatch([Int32](repeating: 3, count: 10), batch: 2, time: 5), &pass)
    let weights = try #require(pass.capture?["1.attention"])
    #expect(weights.shape == [2, 2, 5, 5])
    let masked = weights.slice(1..<2, axis: 0).slice(3..<5, axis: 3)
    #expect(masked.scalars.allSatisfy { $0 == 0 })
    #expect(weights.sum(axis: 3).scalars.allSatisfy { abs($0 - 1) < 1e-6 })
  }
}
