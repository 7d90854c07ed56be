package experiment

import "encoding/json"

// Schema is the JSON Schema (draft 2020-12) of experiment files, for editors. It is made from the same tables
// as the parser. It cannot see what takes more than one place of the file to see, such as names that do not
// exist; "firedrill validate" does. kinds are as in Options.
func Schema(kinds []Kind) []byte {
	return published(document(newCatalog(kinds)).schema, "Firedrill experiment")
}

// published is a schema as a document of its own.
func published(root schema, title string) []byte {
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = title
	text, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		return nil // cannot be: the tables hold maps, lists, text and numbers only
	}
	return append(text, '\n')
}
