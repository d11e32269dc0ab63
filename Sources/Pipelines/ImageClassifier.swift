import Formats
@_exported import Images
import Layers
@_exported import Models
import Tensor

/// Says what a picture shows.
///
///     let classifier = try ImageClassifier(from: "vit-base-patch16-224")
///     let labels = try classifier.classify(try Image(opening: "cat.png"))
public struct ImageClassifier: Sendable {
  /// A class of pictures.
  public struct Label: Sendable, Equatable {
    /// What `config.json` calls it.
    public let name: String
    /// How likely the model thinks it: beside the other classes, or by itself where a picture may be of several classes.
    public let probability: Float
  }

  /// What is done to a picture before.
  public let processor: ImageProcessor
  private let labels: [String]
  private let encoder: ViT
  private let scores: @Sendable (Tensor) -> Tensor
  /// Whether a picture is of one class alone.
  private let excludesOthers: Bool
  private let folder: String

  /// Loads the model and the processor of a folder.
  ///
  /// - Throws: a typed error for anything that is missing, malformed, inconsistent or not implemented.
  public init(from folder: String, as format: StorageFormat? = nil) throws(InputError) {
    processor = try ImageProcessor(try PretrainedModel.document(folder + "/preprocessor_config.json"))
    let architecture = try Architecture(of: folder).name
    let encoder: ViT
    switch architecture {
    case "DeiTForImageClassificationWithTeacher":
      let model = try ViT.With<DistilledClassificationHead>.load(from: folder, as: format).packedForInference()
      encoder = model.encoder
      scores = { pixels in
        var pass = Pass()
        return model(pixels, &pass).mean
      }
    case "ViTForImageClassification", "DeiTForImageClassification":
      let model = try ViT.With<ImageClassificationHead>.load(from: folder, as: format).packedForInference()
      encoder = model.encoder
      scores = { pixels in
        var pass = Pass()
        return model(pixels, &pass)
      }
    default:
      throw InputError(
        .unsupported, "\(architecture) does not classify images", at: folder,
        advice: "Give a folder of ViTForImageClassification, or of DeiT's.")
    }
    guard encoder.configuration.channelCount == 3 else {
      throw InputError(
        .unsupported, "the model sees \(encoder.configuration.channelCount) colours, not three", at: folder)
    }
    labels = encoder.configuration.labels
    excludesOthers = try Self.excludesOthers(
      try PretrainedModel.configuration(in: folder), labelCount: labels.count)
    (self.encoder, self.folder) = (encoder, folder)
  }

  /// What `problem_type` says or, where it is absent, the number of classes.
  private static func excludesOthers(_ json: JSONField, labelCount: Int) throws(InputError) -> Bool {
    guard let type = try json.optional("problem_type") else { return labelCount > 1 }
    switch try type.string() {
    case "single_label_classification": return labelCount > 1
    case "multi_label_classification": return false
    default:
      throw type.error(
        .unsupported, "says that the model does not classify",
        advice: "Known are single_label_classification and multi_label_classification.")
    }
  }

  /// The likeliest classes of a picture, likeliest first.
  ///
  /// - Throws: `budget` for a picture that is too large, `sizeMismatch` where what is left of it is less than a patch,
  ///   `nonFinite` where the model computes what is no number.
  public func classify(_ image: Image, count: Int = 5) throws(InputError) -> [Label] {
    precondition(count > 0, "ImageClassifier.classify: \(count) labels")
    let pixels = try processor(image)
    try encoder.check(pixels.shape)
    let scores = try scores(pixels).checkedToBeFinite(from: folder)
    let probabilities = (excludesOthers ? scores.softmax() : scores.sigmoid()).scalars
    return largest(probabilities[...], count: count).map { Label(name: labels[$0], probability: probabilities[$0]) }
  }
}
