import Formats

/// The value of a field, found step by step and not as a whole. The fuzzers are linked with this file too.
public func walked(_ field: JSONField) throws -> JSONValue {
  switch field.kind {
  case .null: .null
  case .bool: .bool(try field.bool())
  case .integer: .integer(try field.int())
  case .number: .number(try field.double())
  case .string: .string(try field.jsonString())
  case .array: .array(try field.array().map(walked))
  case .object: .object(try field.object().map { JSONMember($0.key, try walked($0.field)) })
  }
}
