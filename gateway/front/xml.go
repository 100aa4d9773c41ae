package front

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
)

const xmlHeader = xml.Header

// decode reads a document whose root element has the name, in the namespace of S3 or in none. Nothing but white space,
// comments and the like may stand around it.
func decode(document []byte, root string, v any) *Failure {
	d := xml.NewDecoder(bytes.NewReader(document))
	for {
		token, err := d.Token()
		if err != nil {
			return malformed
		}
		start, ok := token.(xml.StartElement)
		if !ok {
			if text, is := token.(xml.CharData); is && len(bytes.TrimSpace(text)) > 0 {
				return malformed
			}
			continue
		}
		if start.Name.Local != root || start.Name.Space != "" && start.Name.Space != namespace {
			return malformed
		}
		if err := d.DecodeElement(v, &start); err != nil {
			return malformed
		}
		return trailing(d)
	}
}

// trailing fails if an element or text is left.
func trailing(d *xml.Decoder) *Failure {
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return malformed
		}
		switch t := token.(type) {
		case xml.CharData:
			if len(bytes.TrimSpace(t)) > 0 {
				return malformed
			}
		case xml.StartElement:
			return malformed
		}
	}
}
