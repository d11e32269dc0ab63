import Foundation
import Models
import Tensor
import Testing

/// What configurations from outside may hold: every hostile value is the expected error, before anything is made.
@Suite struct ConfigurationTests {
  private static let sizes = [
    "hidden_size", "num_attention_heads", "num_key_value_heads", "num_hidden_layers", "vocab_size", "intermediate_size",
    "max_position_embeddings",
  ]

  private static let base: [(key: String, value: String)] = [
    ("model_type", "\"llama\""), ("hidden_size", "4096"), ("num_attention_heads", "32"), ("num_key_value_heads", "8"),
    ("num_hidden_layers", "32"), ("vocab_size", "32000"), ("intermediate_size", "11008"),
    ("max_position_embeddings", "4096"),
  ]

  /// The kind of the error of the base with other members.
  private func kind(_ changes: [(String, String?)]) -> InputError.Kind? {
    var members = ConfigurationTests.base.filter { pair in !changes.contains { $0.0 == pair.key } }
    for (key, value) in changes { if let value { members.append((key, value)) } }
    let text = "{" + members.map { "\"\($0.key)\": \($0.value)" }.joined(separator: ", ") + "}"
    return errorKind { () throws(InputError) in try Llama.Configuration(SmallModels.parsed(text)) }
  }

  private func gpt2Kind(_ changes: [(String, String?)]) -> InputError.Kind? {
    let base = [
      ("vocab_size", "50257"), ("n_positions", "1024"), ("n_embd", "768"), ("n_layer", "12"), ("n_head", "12"),
    ]
    var members = base.filter { pair in !changes.contains { $0.0 == pair.0 } }
    for (key, value) in changes { if let value { members.append((key, value)) } }
    let text = "{" + members.map { "\"\($0.0)\": \($0.1)" }.joined(separator: ", ") + "}"
    return errorKind { () throws(InputError) in try GPT2.Configuration(SmallModels.parsed(text)) }
  }

  private static let hostileSizes: [(String, InputError.Kind)] = [
    ("0", .badValue), ("-1", .badValue), ("-9223372036854775808", .badValue), ("2147483648", .tooLarge),
    ("9223372036854775807", .tooLarge), ("9223372036854775808", .overflow), ("1e18", .wrongType),
    ("4096.5", .wrongType), ("4096.0", .wrongType), ("\"4096\"", .wrongType), ("true", .wrongType),
    ("[4096]", .wrongType), ("{}", .wrongType),
  ]

  @Test func sizesOutOfRangeOrOfAnotherType() {
    #expect(kind([]) == nil && gpt2Kind([]) == nil)
    for (value, expected) in ConfigurationTests.hostileSizes {
      for key in ConfigurationTests.sizes { #expect(kind([(key, value)]) == expected, "\(key): \(value)") }
      #expect(kind([("head_dim", value)]) == expected, "head_dim: \(value)")
      for key in ["vocab_size", "n_positions", "n_embd", "n_layer", "n_head", "n_inner"] {
        #expect(gpt2Kind([(key, value)]) == expected, "\(key): \(value)")
      }
    }
    for key in ConfigurationTests.sizes where key != "num_key_value_heads" {
      #expect(kind([(key, "null")]) == .wrongType, "\(key): null")
      #expect(kind([(key, nil)]) == nil, "\(key) absent")
    }
    // Null is how files say that these follow from the others.
    #expect(kind([("num_key_value_heads", "null"), ("head_dim", "null")]) == nil)
    #expect(gpt2Kind([("n_inner", "null")]) == nil)
  }

  /// What Hugging Face's configurations have where a file does not say, as its version 5.23.0 prints it.
  @Test func absentSizesAreThoseOfTheReference() throws {
    func json(_ type: String) throws(InputError) -> JSONField {
      try SmallModels.parsed("{\"model_type\": \"\(type)\"}")
    }
    func expect(_ found: [Int], _ expected: [Int], _ type: String) { #expect(found == expected, "\(type)") }
    for (type, vocabulary, layers) in [
      ("bert", 30522, 12), ("roberta", 50265, 12), ("xlm-roberta", 30522, 12), ("distilbert", 30522, 6),
    ] {
      let c = try BERT.Configuration(json(type))
      expect(
        [c.vocabularySize, c.positionCount, c.width, c.layerCount, c.headCount, c.feedForwardWidth],
        [vocabulary, 512, 768, layers, 12, 3072], type)
    }
    #expect(try GPT2.Configuration(json("gpt2")) == GPT2.Configuration.small)
    for (type, vocabulary, context, shared, inner) in [
      ("llama", 32000, 2048, 32, 11008), ("mistral", 32000, 131072, 8, 14336), ("qwen2", 151936, 32768, 32, 22016),
      ("qwen3", 151936, 32768, 32, 22016),
    ] {
      let c = try Llama.Configuration(json(type))
      expect(
        [c.vocabularySize, c.contextLength, c.width, c.layerCount, c.headCount, c.keyValueHeadCount, c.headWidth],
        [vocabulary, context, 4096, 32, 32, shared, 128], type)
      expect([c.feedForwardWidth], [inner], type)
    }
    let t5 = try T5.Configuration(json("t5"))
    expect(
      [t5.vocabularySize, t5.width, t5.layerCount, t5.decoderLayerCount, t5.headCount, t5.headWidth],
      [32128, 512, 6, 6, 8, 64], "t5")
    expect([t5.feedForwardWidth], [2048], "t5")
    for (type, vocabulary) in [("bart", 50265), ("mbart", 50265), ("marian", 58101), ("pegasus", 50265)] {
      let c = try Transformer.Configuration(json(type))
      expect(
        [c.vocabularySize, c.targetVocabularySize, c.contextLength, c.width], [vocabulary, vocabulary, 1024, 1024], type
      )
      expect([c.encoderLayerCount, c.encoderHeadCount, c.encoderFeedForwardWidth], [12, 16, 4096], type)
      expect([c.decoderLayerCount, c.decoderHeadCount, c.decoderFeedForwardWidth], [12, 16, 4096], type)
    }
    #expect(errorKind { () throws(InputError) in try Transformer.Configuration(json("transformer")) } == .missing)
  }

  /// What T5's newer files say besides `feed_forward_proj`, which then counts.
  @Test func feedForwardsThatAreSaidTwice() throws {
    let c = try T5.Configuration(
      SmallModels.parsed(
        "{\"model_type\": \"t5\", \"feed_forward_proj\": \"relu\", \"is_gated_act\": true, \"dense_act_fn\": \"silu\"}")
    )
    #expect(c.isGated && c.activation == .silu)
  }

  @Test func sizesThatDoNotGoTogether() {
    #expect(kind([("num_attention_heads", "7")]) == .inconsistent)
    #expect(kind([("hidden_size", "1792"), ("num_attention_heads", "24")]) == .inconsistent)
    #expect(kind([("num_key_value_heads", "5")]) == .inconsistent)
    #expect(kind([("num_key_value_heads", "64")]) == .inconsistent)
    #expect(kind([("head_dim", "127")]) == .inconsistent)
    #expect(kind([("hidden_size", "32")]) == .inconsistent, "heads of width 1 cannot rotate")
    #expect(kind([("head_dim", "64")]) == nil, "heads need not fill the width")
    #expect(gpt2Kind([("n_embd", "770")]) == .inconsistent)
    // Each within its range, their product beyond what a tensor's axis counts.
    #expect(
      kind([("num_attention_heads", "65536"), ("head_dim", "1048576"), ("num_key_value_heads", "1")]) == .tooLarge)
  }

  @Test func numbersOutOfRange() {
    for value in ["0", "-1", "2", "1e-400", "-1e-5"] {
      #expect(kind([("rms_norm_eps", value)]) == .badValue, "\(value)")
      #expect(gpt2Kind([("layer_norm_epsilon", value)]) == .badValue, "\(value)")
    }
    for key in ["rms_norm_eps", "rope_theta"] {
      #expect(kind([(key, "\"1e-5\"")]) == .wrongType)
      #expect(kind([(key, "true")]) == .wrongType)
      #expect([.overflow, .badJSON, .badValue].contains(kind([(key, "1e400")])))
      #expect(kind([(key, "NaN")]) == .badJSON)
      #expect(kind([(key, "Infinity")]) == .badJSON)
    }
    for value in ["0", "-1", "0.5", "1e13"] { #expect(kind([("rope_theta", value)]) == .badValue, "\(value)") }
    #expect(kind([("partial_rotary_factor", "1.5")]) == .unsupported)
    #expect(kind([("partial_rotary_factor", "0.5")]) == .unsupported)
    #expect(kind([("partial_rotary_factor", "1.0")]) == nil)
  }

  @Test func settingsThatAreNotImplemented() {
    #expect(kind([("hidden_act", "\"evil\"")]) == .unsupported)
    #expect(kind([("hidden_act", "7")]) == .wrongType)
    #expect(gpt2Kind([("activation_function", "\"prelu\"")]) == .unsupported)
    #expect(gpt2Kind([("add_cross_attention", "true")]) == .unsupported)
    for key in ["scale_attn_weights", "scale_attn_by_inverse_layer_idx", "reorder_and_upcast_attn"] {
      #expect(gpt2Kind([(key, "\"yes\"")]) == .wrongType)
      #expect(gpt2Kind([(key, "true")]) == nil && gpt2Kind([(key, "false")]) == nil)
    }
    #expect(kind([("attention_bias", "\"yes\"")]) == .wrongType && kind([("mlp_bias", "1")]) == .wrongType)
    #expect(kind([("tie_word_embeddings", "[]")]) == .wrongType)
    for name in ["rope_scaling", "rope_parameters"] {
      #expect(kind([(name, "{\"rope_type\": \"evil\", \"factor\": 2}")]) == .unsupported)
      #expect(kind([(name, "{\"rope_type\": \"linear\", \"factor\": 0}")]) == .badValue)
      #expect(kind([(name, "{\"rope_type\": \"linear\", \"factor\": -2}")]) == .badValue)
      #expect(kind([(name, "{\"rope_type\": \"linear\"}")]) == .missing)
      #expect(kind([(name, "{\"rope_type\": \"linear\", \"factor\": \"2\"}")]) == .wrongType)
      #expect(kind([(name, "{\"rope_type\": []}")]) == .wrongType)
      #expect(kind([(name, "[]")]) == .wrongType)
      #expect(kind([(name, "null")]) == nil && kind([(name, "{}")]) == nil)
      #expect(kind([(name, "{\"rope_type\": \"default\", \"rope_theta\": 10000}")]) == nil)
      for part in ["factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings"] {
        func scaling(_ value: String?) -> String {
          let values = [
            ("factor", "8"), ("low_freq_factor", "1"), ("high_freq_factor", "4"),
            ("original_max_position_embeddings", "8192"),
          ].compactMap { pair in pair.0 == part ? value.map { (pair.0, $0) } : pair }
          return "{\"rope_type\": \"llama3\", "
            + values.map { "\"\($0.0)\": \($0.1)" }.joined(separator: ", ") + "}"
        }
        #expect(kind([(name, scaling("8192"))]) == (part == "low_freq_factor" ? .inconsistent : nil), "\(part)")
        #expect(kind([(name, scaling("0"))]) == .badValue && kind([(name, scaling(nil))]) == .missing, "\(part)")
        #expect(kind([(name, scaling("\"8\""))]) == .wrongType)
      }
      let same =
        "{\"rope_type\": \"llama3\", \"factor\": 8, \"low_freq_factor\": 4, \"high_freq_factor\": 4, "
        + "\"original_max_position_embeddings\": 8192}"
      #expect(kind([(name, same)]) == .inconsistent, "they would divide by zero")
    }
  }

  @Test func scalingsForLongContexts() throws {
    for name in ["rope_scaling", "rope_parameters"] {
      func yarn(_ members: String) -> InputError.Kind? { kind([(name, "{\"rope_type\": \"yarn\", \(members)}")]) }
      #expect(yarn("\"factor\": 4") == nil && yarn("\"factor\": null") == nil)
      #expect(yarn("\"factor\": 4, \"beta_fast\": 0, \"beta_slow\": 0, \"truncate\": false") == nil)
      for member in ["factor", "beta_fast", "beta_slow", "mscale", "mscale_all_dim", "attention_factor"] {
        #expect(yarn("\"\(member)\": -1") == .badValue && yarn("\"\(member)\": []") == .wrongType, "\(member)")
      }
      #expect(yarn("\"original_max_position_embeddings\": 0") == .badValue && yarn("\"truncate\": 1") == .wrongType)
      func long(_ short: String, _ long: String, _ rest: String = "") -> InputError.Kind? {
        kind([
          (name, "{\"type\": \"longrope\", \"short_factor\": \(short), \"long_factor\": \(long)\(rest)}"),
          ("head_dim", "4"),
        ])
      }
      #expect(long("[1, 2]", "[1.5, 3]") == nil)
      #expect(long("[1]", "[1.5, 3]") == .inconsistent && long("[1, 2]", "[]") == .inconsistent)
      #expect(long("[1, 0]", "[1, 2]") == .badValue && long("[1, 2]", "[1, \"2\"]") == .wrongType)
      #expect(long("[1, 2]", "null") == .wrongType)
      #expect(long("[1, 2]", "[1, 2]", ", \"original_max_position_embeddings\": 1") == nil)
      #expect(kind([(name, "{\"rope_type\": \"dynamic\"}")]) == .missing)
      #expect(kind([(name, "{\"rope_type\": \"dynamic\", \"factor\": 2}")]) == nil)
    }
  }

  @Test func windowsAndFamilies() throws {
    func found(_ family: String, _ members: [(String, String)]) throws -> Llama.Configuration {
      let own = Self.base.filter { pair in pair.key != "model_type" && !members.contains { $0.0 == pair.key } }
      let all = [("model_type", "\"\(family)\"")] + own + members
      let text = "{" + all.map { "\"\($0.0)\": \($0.1)" }.joined(separator: ", ") + "}"
      let configuration = try Llama.Configuration(SmallModels.parsed(text))
      let written = String(decoding: try configuration.json().encoded(pretty: true), as: UTF8.self)
      #expect(try Llama.Configuration(SmallModels.parsed(written)) == configuration)
      return configuration
    }
    func failure(_ family: String, _ members: [(String, String)]) -> InputError.Kind? {
      do { _ = try found(family, members) } catch { return (error as? InputError)?.kind }
      return nil
    }
    // What the reference assumes where a file is silent.
    #expect(try found("mistral", []).slidingWindow == 4096)
    #expect(try found("mistral", [("sliding_window", "null")]).slidingWindow == nil)
    #expect(try found("llama", [("sliding_window", "7")]).slidingWindow == nil)
    #expect(try found("qwen2", [("sliding_window", "7")]).slidingWindow == nil)
    #expect(try found("qwen3", []).headWidth == 128)
    let window = [("use_sliding_window", "true"), ("sliding_window", "7"), ("num_hidden_layers", "3")]
    #expect(try found("qwen2", window).fullLayers == [0, 1, 2])
    #expect(try found("qwen2", window + [("max_window_layers", "1")]).fullLayers == [0])
    let types = "[\"sliding_attention\", \"full_attention\", \"sliding_attention\"]"
    #expect(try found("qwen3", window + [("layer_types", types)]).fullLayers == [1])
    #expect(failure("qwen3", [("num_hidden_layers", "3"), ("layer_types", types)]) == .inconsistent)
    #expect(failure("qwen3", window + [("layer_types", "[\"full_attention\"]")]) == .inconsistent)
    #expect(failure("qwen3", window + [("layer_types", "[\"full_attention\", \"chunked\", \"x\"]")]) == .unsupported)
    for value in ["0", "-1"] { #expect(failure("mistral", [("sliding_window", value)]) == .badValue) }
    #expect(failure("mistral", [("sliding_window", "1e3")]) == .wrongType)
    #expect(failure("qwen4", []) == .unsupported)
    let labels = "{\"0\": \"a\", \"1\": \"a\", \"2\": \"b\"}"
    #expect(try found("llama", [("id2label", labels)]).labels == ["a", "a", "b"])
  }

  @Test func scalingsThatContradictEachOther() throws {
    let linear = "{\"rope_type\": \"linear\", \"factor\": 2}"
    func kinds(_ parameters: String?, _ scaling: String?) -> InputError.Kind? {
      kind([("rope_parameters", parameters), ("rope_scaling", scaling)])
    }
    #expect(kinds(linear, linear) == nil && kinds(linear, "null") == nil && kinds("null", linear) == nil)
    #expect(kinds(linear, "{\"type\": \"linear\", \"factor\": 2.0, \"rope_theta\": 3}") == nil)
    #expect(kinds(linear, "{\"rope_type\": \"linear\", \"factor\": 4}") == .inconsistent)
    #expect(kinds("{\"rope_type\": \"default\", \"rope_theta\": 500}", linear) == .inconsistent)
    #expect(kinds(linear, "{\"type\": \"default\"}") == .inconsistent && kinds(linear, "{}") == .inconsistent)
    #expect(kinds("{\"rope_theta\": 500}", "{}") == nil)
    #expect(kinds(nil, "{\"rope_type\": \"linear\", \"type\": \"default\", \"factor\": 2}") == .inconsistent)
    #expect(kinds(nil, "{\"rope_type\": \"linear\", \"type\": \"linear\", \"factor\": 2}") == nil)
    // A scaling without a type: what it was meant for cannot be known.
    for name in ["rope_parameters", "rope_scaling"] {
      for member in ["factor", "low_freq_factor", "original_max_position_embeddings", "attention_factor"] {
        #expect(kind([(name, "{\"\(member)\": 2, \"rope_theta\": 500}")]) == .missing, "\(name) \(member)")
      }
      #expect(kind([(name, "{\"factor\": null, \"partial_rotary_factor\": 1, \"rope_theta\": 500}")]) == nil)
    }
    let text = "{\"rope_parameters\": \(linear), " + SmallModels.llama("\"rope_scaling\": \(linear)").dropFirst()
    #expect(try Llama.Configuration(SmallModels.parsed(text)).ropeScaling == .linear(factor: 2))
  }

  @Test func idsOutsideTheVocabulary() {
    for value in ["-1", "[]", "[2, -1]"] {
      #expect(kind([("eos_token_id", value)]) == .badValue, "\(value)")
    }
    for value in ["[\"a\"]", "\"2\"", "2.0", "true"] {
      #expect(kind([("eos_token_id", value)]) == .wrongType, "\(value)")
    }
    #expect(kind([("eos_token_id", "31999")]) == nil && kind([("eos_token_id", "[1, 2]")]) == nil)
    #expect(kind([("eos_token_id", "null")]) == nil)
    // A default beyond a small vocabulary never comes, and does no harm.
    #expect(gpt2Kind([("eos_token_id", "50257")]) == nil && gpt2Kind([("eos_token_id", "-1")]) == .badValue)
    #expect(kind([("eos_token_id", "32000")]) == nil && kind([("eos_token_id", "[2, 1099511627776]")]) == nil)
    let many = "[" + [String](repeating: "1", count: 2000).joined(separator: ",") + "]"
    #expect(kind([("eos_token_id", many)]) == .tooLarge)
  }

  @Test func whatNamesCodeOrPathsIsNotFollowed() {
    #expect(
      kind([("auto_map", "{\"AutoModel\": \"evil.py--Evil\"}"), ("_name_or_path", "\"../../etc/passwd\"")]) == nil)
  }

  /// The largest sizes that a configuration may say cost neither memory nor time until the weights are there.
  @Test func hugeConfigurationsWithoutWeightsAreRefusedAtOnce() async {
    await #expect(processExitsWith: .success) {
      try withFolder { path in
        try TestFolder(configuration: "", tensors: [("model.norm.weight", .ones([4]))]).write(to: path)
        Memory.trim()
        let before = (Memory.reservedBytes, Memory.processPeakBytes)
        for members in [
          "\"max_position_embeddings\": 67108864, \"head_dim\": 131072, \"num_hidden_layers\": 2",
          "\"max_position_embeddings\": 64, \"head_dim\": 2, \"num_hidden_layers\": 65536",
        ] {
          let text = """
            {"model_type": "llama", "vocab_size": 67108864, "hidden_size": 1048576, "intermediate_size": 1048576,
            "num_attention_heads": 128, \(members)}
            """
          try Data(text.utf8).write(to: URL(fileURLWithPath: path + "/config.json"))
          let start = clock()
          let kind = errorKind { () throws(InputError) in try PretrainedModel.load(from: path) }
          #expect(kind == .missing || kind == .inconsistent, "\(members)")
          #expect(clock() - start < clock_t(CLOCKS_PER_SEC), "\(members)")
        }
        #expect(Memory.reservedBytes <= before.0 + 1 << 16)
        #expect(Memory.processPeakBytes - before.1 < 32 << 20)
      }
    }
  }

  @Test func configurationsAreWrittenAsTheyAreRead() throws {
    for activation in Activation.allCases {
      var configuration = GPT2.Configuration(
        vocabularySize: 100, contextLength: 50, width: 12, layerCount: 3, headCount: 2, feedForwardWidth: 17)
      configuration.activation = activation
      configuration.normEpsilon = 1e-6
      configuration.endTokens = activation == .gelu ? [] : activation == .relu ? [3] : [3, 99]
      let text = String(decoding: try configuration.json().encoded(pretty: true), as: UTF8.self)
      #expect(try GPT2.Configuration(SmallModels.parsed(text)) == configuration)
      #expect(text.contains("\"model_type\": \"gpt2\""))
      #expect(text.contains("\"layer_norm_epsilon\": 1e-06"), "\(text)")
    }
    // T5 names activation and gate at once.
    for activation in Activation.allCases {
      for isGated in [false, true] {
        var configuration = T5.Configuration(vocabularySize: 9, width: 4, layerCount: 1, headCount: 2, isGated: isGated)
        configuration.activation = activation
        let text = String(decoding: try configuration.json(architecture: "T5Model").encoded(), as: UTF8.self)
        let found = try T5.Configuration(SmallModels.parsed(text))
        #expect(found.activation == activation && found.isGated == isGated, "\(activation), \(isGated)")
      }
    }
  }

  @Test func whatIsWrittenFollowsTheModel() throws {
    var small = GPT2.Configuration(vocabularySize: 100, contextLength: 50, width: 12, layerCount: 1, headCount: 2)
    (small.dropout, small.startToken, small.paddingToken, small.endTokens) = (0.1, 7, 99, [3])
    var json = small.json(tiesHead: false, format: .bfloat16)
    #expect(json["tie_word_embeddings"] == false && json["torch_dtype"] == "bfloat16")
    #expect(json["bos_token_id"] == 7 && json["pad_token_id"] == 99 && json["eos_token_id"] == 3)
    #expect(json["attn_pdrop"] == 0.0 && json["embd_pdrop"] == 0.1 && json["resid_pdrop"] == 0.1)
    json = GPT2.Configuration(vocabularySize: 100, contextLength: 50, width: 12, layerCount: 1, headCount: 2).json()
    #expect(json["tie_word_embeddings"] == true && json["torch_dtype"] == "float32")
    // Absent, they would be the ids of GPT-2's own vocabulary.
    for key in ["bos_token_id", "pad_token_id", "eos_token_id"] { #expect(json[key] == .null, "\(key)") }
  }

  @Test(arguments: [SmallModels.grouped, SmallModels.scaled, SmallModels.scaledOldForm, SmallModels.linear])
  func configurationsOfLlamaAreWrittenAsTheyAreRead(_ text: String) throws {
    var configuration = try Llama.Configuration(SmallModels.parsed(text))
    for tokens in [(nil, [], nil), (1, [5], -1), (0, [2, 60], 60)] as [(Int?, [Int], Int?)] {
      (configuration.startToken, configuration.endTokens, configuration.paddingToken) = tokens
      let json = configuration.json(format: .float16)
      #expect(json["torch_dtype"] == "float16" && json["tie_word_embeddings"] == .bool(configuration.tiesHead))
      let written = String(decoding: try json.encoded(pretty: true), as: UTF8.self)
      #expect(try Llama.Configuration(SmallModels.parsed(written)) == configuration)
      #expect(configuration.json(tiesHead: true)["tie_word_embeddings"] == true)
    }
  }

  @Test func aliasesOfSizes() throws {
    let text = """
      {"vocab_size": 10, "max_position_embeddings": 8, "hidden_size": 6, "num_hidden_layers": 1,
       "num_attention_heads": 3}
      """
    let found = try GPT2.Configuration(SmallModels.parsed(text))
    #expect(found.width == 6 && found.contextLength == 8 && found.layerCount == 1 && found.headCount == 3)
    #expect(found.feedForwardWidth == 24 && found.activation == .geluTanh && found.normEpsilon == 1e-5)
  }
}
