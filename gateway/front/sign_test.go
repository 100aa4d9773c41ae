package front

import (
	"strings"
	"testing"
)

// FuzzParseV4: what is read of an Authorization header is in it, and a scope has its four parts.
func FuzzParseV4(f *testing.F) {
	f.Add(algorithmV4 + " Credential=A/B/" + exampleScope + ", SignedHeaders=host;x-amz-date,Signature=00ff")
	f.Add(algorithmV4 + " Credential=////,,Signature=")
	f.Fuzz(func(t *testing.T, text string) {
		s, ok := parseV4(text)
		if !ok {
			return
		}
		if !strings.Contains(text, s.accessKey+"/"+s.scope) || strings.Count(s.scope, "/") != 3 || !strings.Contains(text, s.signature) {
			t.Errorf("%q is read as %q, %q, %q", text, s.accessKey, s.scope, s.signature)
		}
	})
}
