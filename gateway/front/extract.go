package front

import (
	"encoding/xml"
	"net/http"
	"strings"
)

// Limits of S3 Select where it is on: the server reads a record whole, and takes several times its memory.
const (
	selectSize = 1 << 30 // bytes of an object
	selectLine = 1 << 20 // bytes between two line ends, which is also the limit of AWS
)

// SelectLimits are what an object that is searched may have; zero: no search.
type SelectLimits struct{ Size, Line int64 }

// extracting turns down archives that the server would unpack, as their members are not authorised one by one, and S3
// Select unless it is on. Compressed objects and Parquet are not searched: nothing bounds what they unpack to.
func (f *Front) extracting(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var fail *Failure
		switch {
		case r.Method == http.MethodPut:
			fail = checkArchive(r.Header["X-Amz-Meta-Snowball-Auto-Extract"])
		case r.Method == http.MethodPost && kindOf(r) == s3 && hasParam(r, "select"):
			fail = f.search(r)
		}
		if fail != nil {
			replyOf(w).fail(r.URL.Path, *fail)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func checkArchive(values []string) *Failure {
	for _, v := range values {
		if strings.Contains(v, "true") { // the router looks for the word anywhere
			return notImplemented
		}
	}
	return nil
}

// search checks a request of S3 Select.
func (f *Front) search(r *http.Request) *Failure {
	if !f.o.Select {
		return notImplemented
	}
	body, fail := peekBody(r)
	if fail != nil {
		return fail
	}
	var q struct {
		Input struct {
			Compression string    `xml:"CompressionType"`
			Parquet     *struct{} `xml:"Parquet"`
		} `xml:"InputSerialization"`
	}
	if xml.Unmarshal(body, &q) != nil {
		return &Failure{Status: http.StatusBadRequest, Code: "MalformedXML", Message: "The XML you provided was not well-formed or did not validate against our published schema"}
	}
	if c := strings.ToUpper(strings.TrimSpace(q.Input.Compression)); c != "" && c != "NONE" || q.Input.Parquet != nil {
		return notImplemented
	}
	Of(r.Context()).Select = SelectLimits{Size: selectSize, Line: selectLine}
	return nil
}
