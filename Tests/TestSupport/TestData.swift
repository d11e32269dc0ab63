import Foundation

/// The folder of real models, tokenizers and texts, where `ATTENTION_TEST_DATA` names one.
///
/// Tests that need it are enabled by `TestData.isPresent`; without it they are skipped and say so.
public enum TestData {
  /// The folder, if the environment names it.
  public static let folder: String? = {
    let path = ProcessInfo.processInfo.environment["ATTENTION_TEST_DATA"] ?? ""
    return path.isEmpty ? nil : path
  }()

  /// Whether the folder is there.
  public static let isPresent = folder != nil

  /// The path of a file or folder in it.
  public static func path(_ name: String) -> String { (folder ?? "") + "/" + name }
}
