import Checkpoints
import Foundation
import Models
import TestSupport
import Testing

/// Folders of all classes.
private let fixtures = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .appending(path: "Fixtures/Models").path

private func receipt(of folder: String, as name: String? = nil) throws -> [(tensor: String, fate: TensorFate)] {
  let architecture = try Architecture.all.first { $0.name == name } ?? Architecture(of: folder)
  let (_, reports) = try LoadReport.receipts { () throws(InputError) in try architecture.load(folder, nil) }
  #expect(reports.count == 1)
  return reports.flatMap(\.receipt)
}

@Suite struct ReceiptTests {
  /// Each name of the file stands there once, and each name of the model at most once.
  @Test func everyTensorOfEveryClassHasOneFate() throws {
    let folders = try FileManager.default.contentsOfDirectory(atPath: fixtures).sorted()
    #expect(folders.count > 90)
    for folder in folders {
      let path = "\(fixtures)/\(folder)"
      let fates = try receipt(of: path)
      #expect(
        fates.map(\.tensor).sorted() == (try SafetensorsCheckpoint(at: path)).tensors.map(\.name.text).sorted(),
        "\(folder)")
      let filled = fates.compactMap { tensor, fate in
        switch fate {
        case .loaded: tensor
        case .renamed(let name), .transposed(let name), .reordered(let name), .split(let name, _): name
        case .tied, .constant, .unused: nil
        }
      }
      #expect(Set(filled).count == filled.count && filled.count > 3, "\(folder)")
    }
  }

  /// A model of another task: its head is not taken, and it is no constant.
  @Test(arguments: [
    ("bert-sequence-classification", "BertModel", ["classifier.bias", "classifier.weight"]),
    ("bert-next-sentence", "BertModel", ["cls.seq_relationship.bias", "cls.seq_relationship.weight"]),
    ("gpt2-sequence-classification", "GPT2Model", ["score.weight"]),
    ("llama-sequence-classification", "LlamaModel", ["score.weight"]),
    ("t5-question-answering", "T5Model", ["qa_outputs.bias", "qa_outputs.weight"]),
    ("bart-question-answering", "BartModel", ["qa_outputs.bias", "qa_outputs.weight"]),
    ("vit-classification", "ViTModel", ["classifier.bias", "classifier.weight"]),
  ])
  func headsOfOtherTasksAreUnused(_ folder: String, _ name: String, _ head: [String]) throws {
    let fates = try receipt(of: "\(fixtures)/\(folder)", as: name)
    #expect(fates.filter { $0.fate == .unused }.map(\.tensor).sorted() == head)
    #expect(!fates.contains { [.constant, .tied].contains($0.fate) })
  }
}
