import Foundation
import Models
import Tensor
import TestSupport
import Testing

/// A bag of words: the mean of the tokens' vectors, and a map to scores.
struct BagOfWords: PretrainedClass {
  var embedding: Embedding
  var map: Linear
  let vocabularySize: Int

  init(vocabularySize: Int, width: Int, labelCount: Int, _ initializer: inout Initializer) {
    self.vocabularySize = vocabularySize
    embedding = Embedding(count: vocabularySize, width: width, &initializer)
    map = Linear(width, labelCount, bias: true, &initializer)
  }

  mutating func visit(_ visitor: inout some ParameterVisitor) {  // the names in the file
    visitor("embeddings", &embedding)
    visitor("classifier", &map)
  }

  static func outline(of folder: ModelFolder) throws(InputError) -> ModelOutline<BagOfWords> {
    let json = folder.configuration, sizes = 1...1 << 20
    var initializer = Initializer.placeholders  // loading fills them, or says what is missing
    let model = try BagOfWords(
      vocabularySize: json.required("vocab_size").int(in: sizes), width: json.required("hidden_size").int(in: sizes),
      labelCount: json.required("num_labels").int(in: sizes), &initializer)
    return ModelOutline(model: model, checkpoint: try folder.tensors())
  }

  var folderConfiguration: JSONValue {
    [
      "architectures": ["BagOfWords"], "vocab_size": .integer(vocabularySize),
      "hidden_size": .integer(map.weight.shape[1]), "num_labels": .integer(map.weight.shape[0]),
    ]
  }

  func outputs(of inputs: ForwardInputs) throws(InputError) -> [(name: String, value: Tensor)] {
    let (tokens, _) = try inputs.tokens("input_ids", below: vocabularySize, axes: 2)
    return [("logits", map(embedding(tokens).mean(axis: 1)))]
  }
}

/// The snippets of the documentation's pages, as they stand there: each is run, and each page's is found here.
private enum Snippets {
  static func bert(folder: String, tokens: TokenBatch) throws -> Shape {
    let model = try BERT.With<BERT.MaskedLanguageHead>.load(from: folder)
    var pass = Pass(mask: .lengths([9, 5], of: 9))
    let logits = model(tokens, &pass)  // [batch, time, vocabulary]
    return logits.shape
  }

  static func transformer(folder: String, source: TokenBatch, target: TokenBatch, targets: TokenBatch) throws -> [Shape]
  {
    let model = try Transformer.With<Transformer.LanguageHead>.load(from: folder)
    var pass = Pass()
    let logits = model(source, target: target, &pass)  // [batch, time, vocabulary]
    let loss = model.loss(source, target: target, targets: targets, labelSmoothing: 0.1, &pass)
    return [logits.shape, loss.shape]
  }

  static func t5(folder: String, source: TokenBatch) throws -> Shape {
    let model = try T5.LanguageModel.load(from: folder)
    var reading = Pass(mask: .lengths([9, 5], of: 9))
    let decoder = model.decoder(over: model.encode(source, &reading))
    var writing = Pass(cache: KeyValueCache(layerCount: decoder.layerCount))
    let scores = decoder.nextLogits(TokenBatch([0, 0], batch: 2, time: 1), &writing)  // [batch, vocabulary]
    return scores.shape
  }

  static func gpt2(folder: String) throws -> Shape {
    let model = try GPT2.load(from: folder)
    var pass = Pass(cache: KeyValueCache(layerCount: model.layerCount))
    _ = model(TokenBatch([3, 1, 4, 1]), &pass)  // the prompt
    let scores = model.nextLogits(TokenBatch([5]), &pass)  // one token over the cache: [batch, vocabulary]
    return scores.shape
  }

  static func llama(folder: String) throws -> Shape {
    let model = try Llama.load(from: folder, as: .bfloat16).packedForInference()
    let padding = [0, 2]  // the second text has two tokens less
    var pass = Pass(mask: .starting(at: padding), positions: TextPositions(behind: padding, tokens: 0..<5))
    let tokens = TokenBatch([3, 1, 4, 1, 5, 0, 0, 9, 2, 6], batch: 2, time: 5)
    let scores = model.nextLogits(tokens, &pass)  // [batch, vocabulary]
    return scores.shape
  }

  static func own(folder: String, inputs: ForwardInputs) throws -> Shape {
    let known = Architecture.all + [Architecture("BagOfWords", BagOfWords.self)]
    let model = try PretrainedModel.loadAny(from: folder, among: known)
    let outputs = try model.outputs(of: inputs)  // under the names of `forward`: [("logits", [batch, labels])]
    return outputs[0].value.shape
  }

  static func vit(folder: String, pixels: Tensor) throws -> Shape {
    let model = try ViT.With<ImageClassificationHead>.load(from: folder)
    var pass = Pass()
    let logits = model(pixels, &pass)  // [batch, labels]
    return logits.shape
  }
}

@Suite struct SnippetTests {
  @Test func theyRun() throws {
    let tokens = TokenBatch((0..<18).map { Int32(5 + $0) }, batch: 2, time: 9)
    #expect(try Snippets.bert(folder: ModelFixture.path("bert-masked-lm"), tokens: tokens) == [2, 9, 37])
    let shapes = try Snippets.transformer(
      folder: ModelFixture.path("marian-lm"), source: tokens, target: tokens, targets: tokens)
    #expect(shapes == [[2, 9, 37], []])
    #expect(try Snippets.t5(folder: ModelFixture.path("t5-lm"), source: tokens) == [2, 37])
    #expect(try Snippets.gpt2(folder: ModelFixture.path("gpt2-lm")) == [1, 37])
    #expect(try Snippets.llama(folder: ModelFixture.path("llama-lm")) == [2, 37])
    let pixels = Tensor.zeros(Shape(2, 3, 12, 12))
    #expect(try Snippets.vit(folder: ModelFixture.path("vit-classification"), pixels: pixels) == [2, 3])
  }

  /// A program's own class is saved, found by its name and loaded as strictly as others.
  @Test func aFamilyOfOnesOwn() throws {
    var initializer = Initializer.random(seed: 1)
    let model = BagOfWords(vocabularySize: 37, width: 6, labelCount: 3, &initializer)
    #expect(checkModule(model) == [])
    try withFolder { folder in
      let path = folder + "/bag", destination = try AtomicDirectory(replacing: path)
      try model.save(to: destination)
      try destination.commit()
      #expect(errorKind { () throws(InputError) in try PretrainedModel.loadAny(from: path) } == .unsupported)
      let inputs = folder + "/inputs.safetensors"
      let entry = SafetensorsTensor(name: "input_ids", dtype: .uint8, shape: [2, 4])
      try SafetensorsWriter.write([entry], to: inputs) { (_, sink) throws(InputError) in
        try sink.write([1, 2, 3, 36, 0, 5, 5, 5])
      }
      #expect(try Snippets.own(folder: path, inputs: ForwardInputs(opening: inputs)) == [2, 3])
      let loaded = try BagOfWords.load(from: path)
      #expect(
        sameBits(loaded.map.weight, model.map.weight) && sameBits(loaded.embedding.weight, model.embedding.weight))
      // Sizes that the tensors do not have are one error that names them.
      let text = try String(contentsOfFile: path + "/config.json", encoding: .utf8)
      try Data(text.replacingOccurrences(of: "\"num_labels\": 3", with: "\"num_labels\": 4").utf8)
        .write(to: URL(filePath: path + "/config.json"))
      #expect(errorKind { () throws(InputError) in try BagOfWords.load(from: path) } == .inconsistent)
    }
  }

  /// Every block of Swift on a page of the models is one of the snippets above, line for line.
  @Test func pagesShowThem() throws {
    func lines(_ text: String) -> [String] {
      text.components(separatedBy: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
    }
    let code = lines(try String(contentsOf: URL(filePath: #filePath), encoding: .utf8)).joined(separator: "\n")
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let pages = try FileManager.default.contentsOfDirectory(
      at: root.appending(path: "Sources/Models/Models.docc"), includingPropertiesForKeys: nil
    ).filter { $0.pathExtension == "md" }
    var count = 0
    for page in pages {
      let parts = try String(contentsOf: page, encoding: .utf8).components(separatedBy: "```")
      for block in stride(from: 1, to: parts.count, by: 2).map({ parts[$0] }) {
        #expect(block.hasPrefix("swift\n"), "\(page.lastPathComponent)")
        let snippet = lines(String(block.dropFirst(6))).joined(separator: "\n")
        #expect(snippet.count > 20 && code.contains(snippet), "\(page.lastPathComponent): \(snippet)")
        count += 1
      }
    }
    #expect(pages.count == 8 && count == 8)
  }
}
