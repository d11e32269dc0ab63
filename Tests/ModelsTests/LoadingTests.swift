import Foundation
import Models
import Tensor
import TestSupport
import Testing

@Suite struct LoadingTests {
  /// Writes the folder, loads it, and gives the scores.
  private func scores(_ folder: TestFolder, as format: StorageFormat? = nil) throws -> Tensor {
    try withFolder { path in
      try folder.write(to: path)
      return try PretrainedModel.load(from: path, as: format).scores(formulaTokens(time: 12))
    }
  }

  private func error(_ folder: TestFolder) throws -> InputError? {
    try withFolder { path in
      try folder.write(to: path)
      do throws(InputError) { _ = try PretrainedModel.load(from: path) } catch { return error }
      return nil
    }
  }

  private func folder(_ configuration: String) throws -> TestFolder {
    TestFolder(configuration: configuration, tensors: try SmallModels.model(configuration).parameters)
  }

  @Test(arguments: SmallModels.all) func wholeShardedAndWithoutPrefix(_ configuration: String) throws {
    try RuntimeSettings.unchanged {
      var folder = try folder(configuration)
      let expected = try SmallModels.model(configuration).scores(formulaTokens(time: 12))
      #expect(sameBits(try scores(folder), expected))
      folder.shards = 3
      #expect(sameBits(try scores(folder), expected))
      folder.shards = 1
      for prefix in ["transformer.", "model."] {
        folder.tensors = folder.tensors.map {
          ($0.name.hasPrefix(prefix) ? String($0.name.dropFirst(prefix.count)) : $0.name, $0.value)
        }
      }
      #expect(folder.tensors.allSatisfy { !$0.name.hasPrefix("model.") && !$0.name.hasPrefix("transformer.") })
      #expect(sameBits(try scores(folder), expected))
    }
  }

  @Test(arguments: SmallModels.all) func everyFormatStaysAsItIs(_ configuration: String) throws {
    try RuntimeSettings.unchanged {
      let model = try SmallModels.model(configuration)
      func narrow(_ format: StorageFormat) -> [(name: String, value: Tensor)] {
        model.parameters.map { ($0.name, $0.value.kept(as: format)) }
      }
      for format in StorageFormat.allCases {
        let folder = TestFolder(configuration: configuration, tensors: narrow(format))
        try withFolder { path in
          try folder.write(to: path)
          let loaded = try PretrainedModel.load(from: path)
          for (name, value) in loaded.parameters {
            #expect(value.format == (value.rank < 2 ? .float32 : format), "\(name)")
            let original = folder.tensors.first { $0.name == name }?.value
            #expect(original.map { sameBits($0.widened, value.widened) } == true, "\(name)")
          }
          let tokens = formulaTokens(time: 12)
          let wide = try PretrainedModel.load(from: path, as: .float32)
          #expect(wide.parameters.allSatisfy { $0.value.format == .float32 })
          #expect(sameBits(loaded.scores(tokens), wide.scores(tokens)))
          let other: StorageFormat = format == .bfloat16 ? .float16 : .bfloat16
          let converted = try PretrainedModel.load(from: path, as: other)
          #expect(converted.parameters.allSatisfy { $0.value.format == ($0.value.rank < 2 ? .float32 : other) })
        }
      }
    }
  }

  @Test(arguments: [SmallModels.gpt2, SmallModels.scaled]) func tiedForms(_ configuration: String) throws {
    try RuntimeSettings.unchanged {
      let model = try SmallModels.model(configuration), tokens = formulaTokens(time: 12)
      let tied = model.scores(tokens)
      let embedding = configuration == SmallModels.gpt2 ? "transformer.wte.weight" : "model.embed_tokens.weight"
      let table = formulaTensor(embedding, model.parameters[0].value.shape)
      #expect(model.parameters[0].name == embedding && sameBits(model.parameters[0].value, table))
      let rest = model.parameters.filter { $0.name != embedding }
      func load(_ tensors: [(name: String, value: Tensor)]) throws -> Tensor {
        try scores(TestFolder(configuration: configuration, tensors: rest + tensors))
      }
      #expect(sameBits(try load([(embedding, table)]), tied))
      #expect(sameBits(try load([("lm_head.weight", table)]), tied))
      #expect(sameBits(try load([(embedding, table), ("lm_head.weight", table)]), tied))
      // Both are there and differ: untied, whatever the configuration says.
      let other = table * -1
      let untied = try load([(embedding, table), ("lm_head.weight", other)])
      #expect(sameBits(untied, tied * -1))
      // The flag counts where the file does not hold both.
      let plain = configuration.replacingOccurrences(of: "\"tie_word_embeddings\": true,", with: "")
      let flipped = plain.replacingOccurrences(
        of: "\"model_type\"", with: "\"tie_word_embeddings\": false, \"model_type\"")
      var whole = TestFolder(
        configuration: flipped, tensors: rest + [(embedding, table), ("lm_head.weight", table)])
      #expect(sameBits(try scores(whole), tied))
      whole.tensors.removeLast()
      let found = try #require(try error(whole))
      #expect(found.kind == .missing && found.what.contains("lm_head.weight"))
    }
  }

  @Test(arguments: SmallModels.all) func whatOldFilesHoldBesidesIsLeftAside(_ configuration: String) throws {
    try RuntimeSettings.unchanged {
      var folder = try folder(configuration)
      let expected = try scores(folder)
      folder.tensors +=
        configuration == SmallModels.gpt2
        ? [
          ("transformer.h.0.attn.bias", .ones([1, 1, 32, 32])), ("h.1.attn.bias", .ones([1, 1, 32, 32])),
          ("transformer.h.0.attn.masked_bias", Tensor(-1e4)),
        ]
        : [
          ("model.layers.0.self_attn.rotary_emb.inv_freq", .ones([4])), ("model.rotary_emb.inv_freq", .ones([4])),
        ]
      #expect(sameBits(try scores(folder), expected))
      folder.tensors.append(("model.something.else", .ones([2])))
      let found = try #require(try error(folder))
      #expect(found.kind == .inconsistent && found.what.contains("model.something.else"))
      #expect(!found.what.contains("inv_freq") && !found.what.contains("attn.bias"))
    }
  }

  @Test func oneErrorListsAllThatDoesNotFit() throws {
    var folder = try folder(SmallModels.grouped)
    folder.tensors.removeAll { $0.name == "model.norm.weight" || $0.name == "model.layers.1.mlp.up_proj.weight" }
    folder.tensors += [
      ("model.norm.wieght", .ones([32])), ("model.layers.1.mlp.up_proj_weight", .ones([48, 32])),
      ("model.layers.2.input_layernorm.weight", .ones([32])),
    ]
    for index in folder.tensors.indices where folder.tensors[index].name == "model.layers.0.mlp.gate_proj.weight" {
      folder.tensors[index].value = folder.tensors[index].value.transposed()
    }
    let found = try #require(try error(folder))
    #expect(found.kind == .missing && found.advice.contains("config.json"))
    for part in [
      "missing, 2:", "model.norm.weight (nearest: model.norm.wieght", "unused, 3:",
      "model.layers.1.mlp.up_proj.weight (nearest: model.layers.1.mlp.up_proj_weight",
      "model.layers.2.input_layernorm.weight", "of another shape or type, 1:",
      "model.layers.0.mlp.gate_proj.weight: is [32, 48] in the file, must be [48, 32]",
    ] { #expect(found.what.contains(part), "\(part) in \(found.what)") }
  }

  @Test func savedModelsHaveTheSameBits() throws {
    for hasHead in [false, true] {
      for format in StorageFormat.allCases {
        var configuration = try GPT2.Configuration(SmallModels.parsed(SmallModels.gpt2))
        configuration.endTokens = [7, 60]
        configuration.paddingToken = 4
        (configuration.activation, configuration.tiesHead) = (.silu, !hasHead)
        var initializer = Initializer.random(seed: 1)
        let model = GPT2(configuration, hasHead: hasHead, &initializer).withFormula().kept(as: format)
        try checkSaving(model, format, tiesHead: !hasHead, save: { try model.save(to: $0) }) { path in
          let loaded = try GPT2.load(from: path)
          #expect(loaded.configuration == configuration && (loaded.head != nil) == hasHead)
          return (loaded, { try loaded.save(to: $0) })
        }
      }
    }
  }

  @Test(arguments: [SmallModels.grouped, SmallModels.scaled, SmallModels.linear])
  func savedLlamasHaveTheSameBits(_ text: String) throws {
    var configuration = try Llama.Configuration(SmallModels.parsed(text))
    (configuration.startToken, configuration.endTokens) = (1, [7, 60])
    for format in StorageFormat.allCases {
      let model = Llama(configuration, seed: 1).withFormula().kept(as: format)
      try checkSaving(model, format, tiesHead: configuration.tiesHead, save: { try model.save(to: $0) }) { path in
        let loaded = try Llama.load(from: path)
        #expect(loaded.configuration == configuration && (loaded.head == nil) == configuration.tiesHead)
        return (loaded, { try loaded.save(to: $0) })
      }
    }
  }

  /// Saves a model, loads it, saves that: the same parameters and scores, then the same bytes.
  private func checkSaving<Model: LanguageModel>(
    _ model: Model, _ format: StorageFormat, tiesHead: Bool, save: (AtomicDirectory) throws -> Void,
    load: (String) throws -> (model: Model, save: (AtomicDirectory) throws -> Void)
  ) throws {
    try RuntimeSettings.unchanged {
      try withFolder { path in
        func saved(_ name: String, _ save: (AtomicDirectory) throws -> Void) throws -> [Data?] {
          let target = try AtomicDirectory(replacing: "\(path)/\(name)")
          try save(target)
          try target.commit()
          return ["config.json", "model.safetensors"].map {
            FileManager.default.contents(atPath: "\(path)/\(name)/\($0)")
          }
        }
        let first = try saved("first", save)
        let loaded = try load(path + "/first")
        #expect(loaded.model.parameters.map(\.name) == model.parameters.map(\.name))
        for (a, b) in zip(model.parameters, loaded.model.parameters) {
          #expect(sameBits(a.value, b.value), "\(a.name)")
        }
        let tokens = formulaTokens(time: 12)
        #expect(sameBits(loaded.model.scores(tokens), model.scores(tokens)))
        #expect(try saved("second", loaded.save) == first && first.allSatisfy { $0 != nil })
        let json = try JSONValue(parsing: Array(first[0] ?? Data()))
        #expect(json["tie_word_embeddings"] == .bool(tiesHead))
        #expect(json["torch_dtype"] == .string(JSONString("\(format)")))
      }
    }
  }

  @Test func modelsWithoutBiasesAreSavedWithZeros() throws {
    try RuntimeSettings.unchanged {
      var configuration = try GPT2.Configuration(SmallModels.parsed(SmallModels.gpt2))
      configuration.hasBiases = false
      let model = GPT2(configuration, seed: 1).withFormula()
      try withFolder { path in
        let target = try AtomicDirectory(replacing: path + "/saved")
        try model.save(to: target)
        try target.commit()
        let loaded = try GPT2.load(from: path + "/saved")
        let biases = loaded.parameters.filter { $0.name.hasSuffix("bias") }
        #expect(biases.count == 2 * 6 + 1 && biases.allSatisfy { $0.value.scalars.allSatisfy { $0 == 0 } })
        #expect(loaded.scores(formulaTokens(time: 12)).scalars == model.scores(formulaTokens(time: 12)).scalars)
      }
    }
  }

  @Test func endTokensOfTheGenerationFileCount() throws {
    var folder = try folder(SmallModels.grouped)
    func ends() throws -> [Int] {
      try withFolder { path in
        try folder.write(to: path)
        return try Llama.load(from: path).endTokens
      }
    }
    #expect(try ends() == [0])
    folder.generation = "{\"eos_token_id\": [5, 60]}"
    #expect(try ends() == [5, 60])
    // Where the file is there, it alone says what ends a text.
    for text in ["{\"bos_token_id\": 3}", "{\"eos_token_id\": null}"] {
      folder.generation = text
      #expect(try ends() == [])
    }
    // Defaults of configurations may be beyond a small vocabulary.
    folder.generation = "{\"eos_token_id\": [5, 61]}"
    #expect(try ends() == [5, 61])
    folder.generation = "{\"eos_token_id\": [5, -1]}"
    #expect(try error(folder)?.kind == .badValue)
    folder.generation = "{"
    #expect(try error(folder)?.kind == .badJSON)
  }

  @Test func settingsOfGenerationThatAreNotHonouredAreListed() throws {
    var folder = try folder(SmallModels.grouped)
    func names() throws -> [String] {
      try withFolder { path in
        try folder.write(to: path)
        return try PretrainedModel.settingsNotHonoured(in: path).map(\.name)
      }
    }
    #expect(try names() == [])
    let neutral = """
      "repetition_penalty": 1.0, "no_repeat_ngram_size": 0, "num_beams": 1, "min_length": 0, "min_new_tokens": null,
      "suppress_tokens": [], "begin_suppress_tokens": null, "forced_bos_token_id": null, "bad_words_ids": null,
      "sequence_bias": {}, "token_healing": false, "do_sample": true, "temperature": 0.7, "top_k": 50, "max_length": 20
      """
    folder.generation = "{\(neutral)}"
    #expect(try names() == [])
    for (name, value) in [
      ("encoder_repetition_penalty", "1.1"), ("encoder_repetition_penalty", "2"), ("encoder_no_repeat_ngram_size", "3"),
      ("num_beam_groups", "4"), ("force_words_ids", "[[1]]"), ("exponential_decay_length_penalty", "[1, 2.0]"),
      ("sequence_bias", "[[[1], 2.0]]"), ("stop_strings", "\"x\""), ("guidance_scale", "1.5"),
      ("token_healing", "true"), ("encoder_repetition_penalty", "\"1.0\""),
    ] {
      folder.generation = "{\"\(name)\": \(value)}"
      #expect(try names() == [name], "\(name): \(value)")
    }
    for (name, value) in [
      ("repetition_penalty", "1.1"), ("no_repeat_ngram_size", "3"), ("num_beams", "4"), ("min_length", "1"),
      ("suppress_tokens", "[1, 2]"), ("forced_eos_token_id", "0"), ("bad_words_ids", "[[1]]"),
    ] {
      folder.generation = "{\"\(name)\": \(value)}"
      #expect(try names() == [], "\(name): \(value)")
    }
    folder.generation = "{\"guidance_scale\": 2, \"encoder_repetition_penalty\": 1.2}"
    let settings = try withFolder { path in
      try folder.write(to: path)
      return try PretrainedModel.settingsNotHonoured(in: path)
    }
    #expect(settings.map(\.name).sorted() == ["encoder_repetition_penalty", "guidance_scale"])
    #expect(settings.contains(GenerationSetting(name: "encoder_repetition_penalty", value: 1.2)))
    // Older models have them in config.json; the newer file counts where there is one.
    folder.configuration = SmallModels.grouped.replacingOccurrences(
      of: "\"eos_token_id\": 0", with: "\"eos_token_id\": 0, \"encoder_no_repeat_ngram_size\": 2")
    #expect(try names().sorted() == ["encoder_repetition_penalty", "guidance_scale"])
    folder.generation = nil
    #expect(try names() == ["encoder_no_repeat_ngram_size"])
    folder.generation = "[]"
    #expect(#expect(throws: InputError.self) { try names() }?.kind == .wrongType)
  }

  @Test func foldersThatAreNoModels() throws {
    try withFolder { path in
      func kind() -> InputError.Kind? {
        errorKind { () throws(InputError) in try PretrainedModel.load(from: path) }
      }
      #expect(kind() == .notFound)
      func write(_ text: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: path + "/config.json"))
      }
      for (text, expected): (String, InputError.Kind) in [
        ("", .badJSON), ("[]", .wrongType), ("{}", .missing), ("{\"model_type\": 7}", .wrongType),
        ("{\"model_type\": []}", .wrongType), ("{\"model_type\": \"\"}", .unsupported),
        ("{\"a\": 1, \"a\": 2}", .duplicate),
        ("{\"model_type\": \"evil\"}", .unsupported), ("{\"model_type\": \"llama\"}", .notFound),
        ("{\"model_type\": \"gpt2\",}", .badJSON), ("\u{feff}{}", .badJSON), ("{\"a\": NaN}", .badJSON),
        (SmallModels.grouped, .notFound),
      ] {
        try write(text)
        #expect(kind() == expected, "\(text)")
      }
    }
  }

  @Test func weightsOverTheMemoryLimit() async throws {
    await #expect(processExitsWith: .success) {
      try withFolder { path in
        let model = try SmallModels.model(SmallModels.grouped)
        try TestFolder(configuration: SmallModels.grouped, tensors: model.parameters).write(to: path)
        let held = Memory.reservedBytes
        Memory.trim()
        for room in [0, 1000, model.parameterBytes - 1] {
          Memory.limit = Memory.reservedBytes + room
          #expect(errorKind { () throws(InputError) in try PretrainedModel.load(from: path) } == .budget, "\(room)")
          #expect(Memory.reservedBytes <= held)
        }
        // Conversions need a little more, for a moment.
        Memory.limit = Memory.reservedBytes + model.parameterBytes * 5 / 4
        #expect(errorKind { () throws(InputError) in try PretrainedModel.load(from: path) } == nil)
        #expect(errorKind { () throws(InputError) in try PretrainedModel.load(from: path, as: .float16) } == nil)
      }
    }
  }
}
