import Formats
import Foundation
import TestSupport

/// Writes a file of a folder, and returns its path.
func write(_ bytes: [UInt8], _ folder: String, _ name: String) throws -> String {
  try Data(bytes).write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
  return "\(folder)/\(name)"
}

/// Makes a sparse file of a size, with bytes at its start.
func writeSparse(_ bytes: [UInt8], size: Int, _ folder: String, _ name: String) throws -> String {
  let path = try write(bytes, folder, name)
  guard truncate(path, off_t(size)) == 0 else { throw CocoaError(.fileWriteOutOfSpace) }
  return path
}

/// The eight bytes of a number, the lowest first.
func eight(_ number: UInt64) -> [UInt8] { GGUFBuilder.bytes(number) }

/// Paths that are no regular files, by how they are made; `remove` puts the folder right again where it has to be.
let irregular: [(name: String, make: @Sendable (_ path: String) throws -> Void)] = [
  ("a folder", { mkdir($0, 0o700) }), ("a pipe", { mkfifo($0, 0o600) }), ("a link to itself", { symlink($0, $0) }),
]

/// Steps that make a folder, by name.
typealias Spoil = @Sendable (_ folder: String) throws -> Void
