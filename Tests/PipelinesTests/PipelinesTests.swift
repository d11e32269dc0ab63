import Foundation
import Pipelines
import Tensor
import TestSupport
import Testing

/// Folders that Tests/Fixtures/make_pipeline_fixtures.py writes, with what the reference libraries make of them.
enum PipelineFixture {
  static func path(_ name: String) -> String {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Fixtures/Pipelines/" + name).path
  }

  static func expected(_ name: String) throws -> JSONField {
    let bytes = try Data(contentsOf: URL(filePath: path(name) + "/expected.json"))
    return JSONField(try JSONValue(parsing: Array(bytes)))
  }

  /// A copy of a folder, changed, for as long as `body` runs.
  static func changed<R>(_ name: String, _ change: (URL) throws -> Void, _ body: (String) throws -> R) throws -> R {
    let folder = FileManager.default.temporaryDirectory.appending(path: "pipelines-" + UUID().uuidString)
    try FileManager.default.copyItem(atPath: path(name), toPath: folder.path)
    defer { try? FileManager.default.removeItem(at: folder) }
    try change(folder)
    return try body(folder.path)
  }
}

extension JSONField {
  func numbers() throws -> [Double] { try array().map { (field) throws in try field.double() } }
  func matrix() throws -> [Double] { try array().flatMap { (field) throws in try field.numbers() } }
  func strings() throws -> [String] { try array().map { (field) throws in try field.string() } }
}

func write(_ text: String, to url: URL) throws { try Data(text.utf8).write(to: url) }

/// The kind of the error that `body` throws; nil when it throws none.
func errorKind<T>(_ body: () throws -> T) -> InputError.Kind? {
  do {
    _ = try body()
    return nil
  } catch { return (error as? InputError)?.kind }
}

func largestDifference(_ found: [Float], _ expected: [Double]) -> Double {
  guard found.count == expected.count else { return .infinity }
  return zip(found, expected).reduce(0) { max($0, abs(Double($1.0) - $1.1)) }
}

@Suite struct TextEmbedderTests {
  @Test(arguments: ["embed-mean", "embed-all", "embed-dense", "embed-last", "embed-bare", "embed-t5"])
  func vectorsAreSentenceTransformers(_ name: String) throws {
    let expected = try PipelineFixture.expected(name), texts = try expected.required("texts").strings()
    let embedder = try TextEmbedder(from: PipelineFixture.path(name))
    let found = try embedder.encode(texts), numbers = try expected.required("embeddings").matrix()
    #expect(found.shape == Shape(texts.count, embedder.width))
    let largest = numbers.reduce(0) { max($0, abs($1)) }
    let worst = largestDifference(found.scalars, numbers)
    #expect(worst <= 2e-5 * largest, "\(worst) of \(largest)")
    let similarities = try expected.required("similarities").matrix()
    let most = similarities.reduce(1) { max($0, abs($1)) }
    #expect(largestDifference(embedder.similarity(found, found).scalars, similarities) <= 1e-4 * most)
  }

  @Test func aVectorIsTheSameInAnyBatch() throws {
    try RuntimeSettings.unchanged {
      for name in ["embed-mean", "embed-last", "embed-t5"] {
        let texts = try PipelineFixture.expected(name).required("texts").strings()
        let embedder = try TextEmbedder(from: PipelineFixture.path(name))
        let all = try embedder.encode(texts).scalars
        for batchSize in [1, 2, 3] { #expect(try embedder.encode(texts, batchSize: batchSize).scalars == all) }
        for (index, text) in texts.enumerated() {
          let alone = try embedder.encode([text]).scalars
          #expect(alone == Array(all[index * embedder.width..<(index + 1) * embedder.width]))
        }
        #expect(try embedder.encode([]).shape == [0, embedder.width])
      }
    }
  }

  @Test func normalizingOnDemand() throws {
    let embedder = try TextEmbedder(from: PipelineFixture.path("embed-all"))
    let vectors = try embedder.encode(["a cat", "the mat"], normalizing: true)
    for row in 0..<2 {
      let squares = vectors.slice(row..<row + 1, axis: 0).scalars.reduce(0) { $0 + $1 * $1 }
      #expect(abs(squares - 1) < 1e-5)
    }
  }

  @Test func textsAreCutAsTheFolderSays() throws {
    let text = "the sun " + String(repeating: "the cat ", count: 30)
    #expect(try TextEmbedder(from: PipelineFixture.path("embed-mean")).maxTokens == 12)
    #expect(try TextEmbedder(from: PipelineFixture.path("embed-bare")).maxTokens == 20)
    #expect(try TextEmbedder(from: PipelineFixture.path("embed-bare")).encode([text]).shape == [1, 16])
    // A limit beyond the model's context is none.
    try PipelineFixture.changed("embed-mean") { folder in
      try write("{\"max_seq_length\": 100000}", to: folder.appending(path: "sentence_bert_config.json"))
    } _: { folder in
      let embedder = try TextEmbedder(from: folder)
      #expect(embedder.maxTokens == 20)
      #expect(try embedder.encode([text]).shape == [1, 16])
    }
  }

  /// Where no module says so, the tokenizer's limit counts.
  @Test(arguments: [
    ("7", 7), ("1000000000000000019884624838656", 20), ("7.0", 7), ("400", 20), ("null", 20), ("0", nil),
    ("-1", nil), ("7.5", nil), ("-1e30", nil), (#""512""#, nil), ("true", nil), ("[7]", nil),
  ])
  func textsAreCutAsTheTokenizerSays(_ limit: String, _ expected: Int?) throws {
    try PipelineFixture.changed("embed-mean") { folder in
      try FileManager.default.removeItem(at: folder.appending(path: "sentence_bert_config.json"))
      try write(#"{"model_max_length": \#(limit)}"#, to: folder.appending(path: "tokenizer_config.json"))
    } _: { folder in
      guard expected != nil else {
        let error = #expect(throws: InputError.self) { try TextEmbedder(from: folder) }
        #expect(error?.place == "\(folder): tokenizer_config.json: model_max_length")
        #expect(error?.kind == .badValue || error?.kind == .wrongType)
        // Who does not cut texts does not need it, nor one whose modules say how they are cut.
        #expect(try PipelineTokenizer(directory: folder).modelMaxLength == nil)
        try write(
          #"{"max_seq_length": 9}"#, to: URL(fileURLWithPath: folder).appending(path: "sentence_bert_config.json"))
        #expect(try TextEmbedder(from: folder).maxTokens == 9)
        return
      }
      let embedder = try TextEmbedder(from: folder)
      #expect(embedder.maxTokens == expected)
    }
  }

  /// A writer that was killed may have moved the folder aside. Whichever file is read first, none is taken for absent.
  @Test func foldersThatWereMovedAsideAreReadWhole() throws {
    func movedAside<R>(_ name: String, _ body: (String) throws -> R) throws -> R {
      try PipelineFixture.changed(name) { folder in
        let aside = ".\(folder.lastPathComponent).0123456789abcdef.old"
        try FileManager.default.moveItem(at: folder, to: folder.deletingLastPathComponent().appending(path: aside))
      } _: { folder in
        try body(folder)
      }
    }
    let texts = ["the cat sits"]
    let expected = try TextEmbedder(from: PipelineFixture.path("embed-dense")).encode(texts)
    let found = try movedAside("embed-dense") { try TextEmbedder(from: $0).encode(texts) }
    #expect(found.scalars == expected.scalars)
    #expect(throws: Never.self) { try movedAside("classify-vit") { _ = try ImageClassifier(from: $0) } }
    let (ids, settings) = try movedAside("fill-bert") { folder in
      (try PipelineTokenizer(directory: folder).encode(texts[0]), try TokenizerFiles(of: folder).contents.count)
    }
    #expect(try ids == PipelineTokenizer(directory: PipelineFixture.path("fill-bert")).encode(texts[0]))
    #expect(settings > 0)
    #expect(try movedAside("fill-bert") { try TokenizerFiles(of: $0).contents.count } == settings)
    // A model that is one file, in a folder that was moved.
    let name = "tokenizer.gguf", stored = PipelineFixture.path("../Formats/" + name)
    try PipelineFixture.changed("fill-bert") { folder in
      try FileManager.default.copyItem(atPath: stored, toPath: folder.appending(path: name).path)
      let aside = ".\(folder.lastPathComponent).0123456789abcdef.old"
      try FileManager.default.moveItem(at: folder, to: folder.deletingLastPathComponent().appending(path: aside))
    } _: { folder in
      let found = try loadTokenizer(in: "\(folder)/\(name)").encode(texts[0])
      #expect(try found == loadTokenizer(in: stored).encode(texts[0]))
    }
  }

  /// Older folders keep the model in a folder of its own.
  @Test func modelsInFoldersOfTheirOwn() throws {
    let text = "the cat sits", plain = try TextEmbedder(from: PipelineFixture.path("embed-mean")).encode([text])
    try PipelineFixture.changed("embed-mean") { folder in
      let own = folder.appending(path: "0_Transformer")
      try FileManager.default.createDirectory(at: own, withIntermediateDirectories: true)
      for file in [
        "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "sentence_bert_config.json",
      ] {
        try FileManager.default.moveItem(at: folder.appending(path: file), to: own.appending(path: file))
      }
      let list = folder.appending(path: "modules.json")
      let text = try String(contentsOf: list, encoding: .utf8)
      try write(text.replacing("\"path\": \"\"", with: "\"path\": \"0_Transformer\""), to: list)
    } _: { folder in
      let embedder = try TextEmbedder(from: folder)
      #expect(embedder.maxTokens == 12)
      #expect(try embedder.encode([text]).scalars == plain.scalars)
    }
  }

  @Test func whatIsNotImplementedIsNamed() throws {
    func kind(_ file: String, _ text: String, of name: String = "embed-dense") throws -> InputError.Kind? {
      try PipelineFixture.changed(name) { folder in
        try write(text, to: folder.appending(path: file))
      } _: { folder in
        errorKind { try TextEmbedder(from: folder) }
      }
    }
    func modules(_ types: [(String, String)]) -> String {
      "[" + types.map { "{\"type\": \"x.\($0.0)\", \"path\": \"\($0.1)\"}" }.joined(separator: ", ") + "]"
    }
    let first = [("Transformer", ""), ("Pooling", "1_Pooling")]
    #expect(try kind("modules.json", modules(first)) == nil)
    #expect(try kind("modules.json", modules([("Transformer", "")])) == .missing)
    #expect(try kind("modules.json", modules(first + [("LSTM", "2_Dense")])) == .unsupported)
    #expect(try kind("modules.json", modules([first[1], first[0]])) == .unsupported)
    #expect(try kind("modules.json", modules([("Transformer", "0_Transformer"), first[1]])) == .notFound)
    for path in ["../1_Pooling", "/etc", "1_Pooling/../.."] {
      #expect(try kind("modules.json", modules([first[0], ("Pooling", path)])) == .badValue)
    }
    #expect(try kind("modules.json", modules(first + [("Dense", "nowhere")])) == .notFound)
    #expect(try kind("modules.json", modules(first + [("Dense", "3_Dense")])) == .inconsistent, "of another width")
    #expect(try kind("modules.json", "{}") == .wrongType)
    #expect(try kind("modules.json", "[") == .badJSON)
    #expect(try kind("1_Pooling/config.json", "{\"pooling_mode\": \"attention\"}") == .unsupported)
    #expect(try kind("1_Pooling/config.json", "{\"pooling_mode_attention\": true}") == .unsupported)
    #expect(try kind("1_Pooling/config.json", "{\"pooling_mode\": []}") == .badValue)
    #expect(try kind("1_Pooling/config.json", "{\"include_prompt\": false}") == .unsupported)
    #expect(try kind("2_Dense/config.json", "{\"in_features\": 16, \"out_features\": 9}") == .inconsistent)
    #expect(
      try kind("2_Dense/config.json", "{\"in_features\": 16, \"out_features\": 10, \"activation_function\": \"a.B\"}")
        == .unsupported)
    #expect(try kind("config_sentence_transformers.json", "{\"similarity_fn_name\": \"chebyshev\"}") == .unsupported)
    #expect(
      try kind("config_sentence_transformers.json", "{\"default_prompt_name\": \"x\", \"prompts\": {}}") == .missing)
    #expect(try kind("sentence_bert_config.json", "{\"max_seq_length\": 0}") == .badValue)
    #expect(try kind("config.json", "{\"model_type\": \"rwkv\"}") == .unsupported)
  }

  @Test func tokensThatTheModelDoesNotKnow() throws {
    try PipelineFixture.changed("embed-bare") { folder in
      let file = folder.appending(path: "tokenizer.json")
      let text = try String(contentsOf: file, encoding: .utf8)
      try write(text.replacing("\"cat\": 7", with: "\"cat\": 9999"), to: file)
    } _: { folder in
      let embedder = try TextEmbedder(from: folder)
      #expect(errorKind { try embedder.encode(["a dog"]) } == nil)
      do {
        _ = try embedder.encode(["a dog", "a cat"])
        Issue.record("taken")
      } catch let error as InputError { #expect(error.kind == .badValue && error.place.contains("text 1")) }
    }
  }
}

@Suite struct MaskFillerTests {
  @Test(arguments: ["fill-bert", "fill-roberta"]) func candidatesAreTransformers(_ name: String) throws {
    let filler = try MaskFiller(from: PipelineFixture.path(name))
    for item in try PipelineFixture.expected(name).required("cases").array() {
      let masks = try item.required("masks").array(), found = try filler.fill(try item.required("text").string())
      #expect(found.count == masks.count)
      for (candidates, mask) in zip(found, masks) {
        let ids = try mask.required("ids").array().map { (field) throws in try field.int() }
        #expect(candidates.map(\.id) == ids)
        #expect(largestDifference(candidates.map(\.probability), try mask.required("probabilities").numbers()) < 1e-5)
        #expect(candidates.allSatisfy { !$0.text.isEmpty })
      }
      #expect(try filler.fill(try item.required("text").string(), count: 100_000)[0].count > 50)
    }
  }

  /// As in transformers, the older file counts first where the other lists no added tokens.
  @Test(arguments: [
    (["tokenizer_config.json": #"{"mask_token": "the"}"#], "the"),
    (["tokenizer_config.json": #"{"mask_token": {"content": "cat", "__type": "AddedToken"}}"#], "cat"),
    (
      ["tokenizer_config.json": #"{"mask_token": "the"}"#, "special_tokens_map.json": #"{"mask_token": "cat"}"#], "cat"
    ), (["tokenizer_config.json": #"{"mask_token": null}"#], "[MASK]"), (["tokenizer_config.json": "{}"], "[MASK]"),
  ]) func theMaskIsWhatTheFolderSays(_ files: [String: String], _ mask: String) throws {
    try PipelineFixture.changed("fill-bert") { folder in
      for (name, text) in files { try write(text, to: folder.appending(path: name)) }
    } _: { folder in
      let filler = try MaskFiller(from: folder)
      #expect(filler.mask == mask)
      #expect(try filler.fill("dog \(mask) dog").count == 1)
    }
  }

  @Test func textsThatCannotBeFilled() throws {
    let filler = try MaskFiller(from: PipelineFixture.path("fill-bert"))
    #expect(filler.mask == "[MASK]")
    #expect(errorKind { try filler.fill("the cat") } == .badValue)
    #expect(errorKind { try filler.fill("") } == .badValue)
    #expect(errorKind { try filler.fill("[MASK] " + String(repeating: "the ", count: 40)) } == .tooLarge)
    #expect(errorKind { try MaskFiller(from: PipelineFixture.path("embed-mean")) } == .missing)
    #expect(errorKind { try MaskFiller(from: PipelineFixture.path("nowhere")) } == .notFound)
  }
}

/// Damages a model's file: all of its numbers become NaN.
func spoil(_ folder: URL) throws {
  let url = folder.appending(path: "model.safetensors")
  var bytes = [UInt8](try Data(contentsOf: url))
  let header = bytes.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
  for number in stride(from: 8 + header, to: bytes.count, by: 4) {
    (bytes[number + 2], bytes[number + 3]) = (0xC0, 0x7F)
  }
  try Data(bytes).write(to: url)
}

@Suite struct DamagedModelTests {
  @Test func whatIsNoNumberIsRefused() throws {
    #expect(
      try PipelineFixture.changed("fill-bert", spoil) { folder in
        errorKind { try MaskFiller(from: folder).fill("the [MASK]") }
      } == .nonFinite)
    #expect(
      try PipelineFixture.changed("embed-bare", spoil) { folder in
        errorKind { try TextEmbedder(from: folder).encode(["the cat"]) }
      } == .nonFinite)
    #expect(
      try PipelineFixture.changed("classify-vit", spoil) { folder in
        errorKind { try ImageClassifier(from: folder).classify(try Image(opening: ImageClassifierTests.source)) }
      } == .nonFinite)
  }
}

@Suite struct ImageClassifierTests {
  static let source = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Fixtures/Images/source.ppm").path

  @Test(arguments: ["classify-vit", "classify-deit", "classify-crop"]) func labelsAreTransformers(_ name: String) throws
  {
    let expected = try PipelineFixture.expected(name), image = try Image(opening: Self.source)
    let classifier = try ImageClassifier(from: PipelineFixture.path(name))
    let pixels = try classifier.processor(image)
    #expect(pixels.shape.array == (try expected.required("shape").array().map { (field) throws in try field.int() }))
    // To the bit: both compute with Float32 after the bytes.
    #expect(pixels.scalars == (try expected.required("pixels").numbers().map { Float($0) }))
    let labels = try classifier.classify(image)
    #expect(labels.map(\.name) == (try expected.required("labels").strings()))
    #expect(largestDifference(labels.map(\.probability), try expected.required("probabilities").numbers()) < 2e-5)
    #expect(try classifier.classify(image, count: 100).count == 7)
  }

  /// The kind of the error of a classifier of this `problem_type`, after `body` has looked at its labels.
  private func problem(_ type: String, _ body: ([ImageClassifier.Label]) -> Void) throws -> InputError.Kind? {
    try PipelineFixture.changed("classify-vit") { folder in
      let url = folder.appending(path: "config.json")
      let text = try String(contentsOf: url, encoding: .utf8)
      try write("{\"problem_type\": \"\(type)\"," + text.drop { $0 == "{" }, to: url)
    } _: { folder in
      errorKind { body(try ImageClassifier(from: folder).classify(try Image(opening: Self.source), count: 7)) }
    }
  }

  /// As Hugging Face's pipeline for images: each class by itself where a picture may be of several.
  @Test func classesThatDoNotExcludeOthers() throws {
    var (apart, beside) = ([Float](), [Float]())
    #expect(try problem("multi_label_classification") { apart = $0.map(\.probability) } == nil)
    #expect(try problem("single_label_classification") { beside = $0.map(\.probability) } == nil)
    #expect(abs(beside.reduce(0, +) - 1) < 1e-6 && apart.count == 7)
    // The odds of the one are in proportion to the shares of the other.
    for i in 1..<7 {
      #expect(abs(apart[i] / (1 - apart[i]) / (apart[0] / (1 - apart[0])) - beside[i] / beside[0]) < 1e-5)
    }
  }

  @Test func whatDoesNotClassify() throws {
    #expect(errorKind { try ImageClassifier(from: PipelineFixture.path("embed-mean")) } == .notFound)
    func kind(_ file: String, _ text: String) throws -> InputError.Kind? {
      try PipelineFixture.changed("classify-vit") { folder in
        try write(text, to: folder.appending(path: file))
      } _: { folder in
        errorKind { try ImageClassifier(from: folder).classify(try Image(opening: Self.source)) }
      }
    }
    #expect(try kind("preprocessor_config.json", "{\"size\": 3}") == .sizeMismatch, "less than a patch")
    #expect(try kind("preprocessor_config.json", "{\"size\": {\"height\": 12, \"width\": 16}}") == nil, "other sizes")
    #expect(try kind("preprocessor_config.json", "{\"resample\": 5}") == .unsupported)
    #expect(try problem("regression") { _ in } == .unsupported)
    #expect(try kind("config.json", "{\"model_type\": \"vit\", \"architectures\": [\"ViTModel\"]}") == .unsupported)
  }
}
