package gateway

import (
	"cmp"
	"context"
	"errors"
	"hash"
	"io"
	"net/http"
	"strconv"
	"strings"

	minio "github.com/minio/minio/cmd"

	"juicefs/gateway/front"
	"juicefs/pkg/checksum"
	"juicefs/vfs"
)

// plan is the checksum that an upload was begun for. It is kept in attrSum of the upload's directory as two fields: the
// algorithm and the kind.
type plan struct {
	alg  checksum.Algorithm // None: none
	kind checksum.Kind
}

// planOf is what a client asks for at the begin of an upload.
func planOf(w front.Wanted) plan { return plan{w.Algorithm, w.Kind} }

// keep adds the attribute, if there is something to keep.
func (p plan) keep(attrs map[string][]byte) {
	if p.alg != checksum.None {
		attrs[attrSum] = []byte(p.alg.String() + " " + string(p.kind))
	}
}

// plan reads what was kept.
func (u *upload) plan() plan {
	name, kind, _ := strings.Cut(string(u.info.Xattrs[attrSum]), " ")
	p := plan{checksum.Named(name), checksum.Kind(kind)}
	if !p.alg.Allows(p.kind) {
		return plan{} // anyone with a mount can write the attribute
	}
	return p
}

// sums returns the checksums of the parts of an upload, by their numbers.
func (l *Layer) sums(ctx context.Context, u *upload) (map[int]checksum.Sum, error) {
	sums := map[int]checksum.Sum{}
	err := l.eachEntry(ctx, u.dir, attrSum, func(name string, i *vfs.Info) error {
		if n, err := strconv.Atoi(name); err == nil {
			sums[n] = sumOf(i)
		}
		return nil
	})
	if err != nil {
		return nil, l.failPart(ctx, u, err)
	}
	return sums, nil
}

// wholeSum returns the checksum of the object that an upload becomes, if it is to have one, with those of its parts, and
// compares all that the client says of them.
func (c *completion) wholeSum(ctx context.Context, stored []storedPart, named []minio.CompletePart, sizes []int64) (checksum.Sum, []checksum.Part, error) {
	asked := front.WantedOf(ctx)
	p, err := agreedPlan(ctx, &c.upload, &asked, named, sizes)
	if err != nil || p.alg == checksum.None {
		return checksum.Sum{}, nil, err
	}
	parts, err := c.sumParts(stored, named, sizes, p.alg, asked.Parts)
	if err != nil {
		return checksum.Sum{}, nil, err
	}
	sum := checksum.Join
	if p.kind == checksum.Composite {
		sum = checksum.Compose
	}
	got := sum(parts)
	if want := asked.Whole; !want.IsZero() {
		if want.Parts == 0 {
			want.Parts = got.Parts // clients may leave out the number
		}
		if !want.Equal(got) {
			return checksum.Sum{}, nil, refuse(ctx, &c.target, front.WrongSum(want.Algorithm))
		}
	}
	return got, parts, nil
}

// agreedPlan is the checksum that an upload is to have: the one that it was begun for, or that the client speaks of now. What
// the client says must fit it.
func agreedPlan(ctx context.Context, u *upload, asked *front.Wanted, named []minio.CompletePart, sizes []int64) (plan, error) {
	p := u.plan()
	switch {
	case asked.Size >= 0 && asked.Size != total(sizes):
		return plan{}, invalidSum(ctx, u, "The provided 'x-amz-mp-object-size' header does not match what was computed.")
	case p.alg == checksum.None:
		if p = undeclared(asked, named); p.alg == checksum.None {
			return plan{}, nil
		}
		if !p.alg.Allows(p.kind) {
			return plan{}, invalidSum(ctx, u, "The "+string(p.kind)+" checksum type cannot be used with the "+
				strings.ToLower(p.alg.String())+" checksum algorithm.")
		}
	case asked.Kind != "" && asked.Kind != p.kind:
		return plan{}, invalidSum(ctx, u, "The upload was created using the "+string(p.kind)+
			" checksum mode. The complete request must use the same checksum mode.")
	}
	if p.kind != checksum.Composite {
		return p, nil
	}
	// The sum is over those of the parts, so the client must say that it has seen the same, one behind the other from 1 on.
	for k, part := range named {
		if _, ok := asked.Parts[part.PartNumber]; !ok {
			return plan{}, invalidSum(ctx, u, "The upload was created using a "+strings.ToLower(p.alg.String())+" checksum. The complete request must "+
				"include the checksum for each part. It was missing for part "+strconv.Itoa(part.PartNumber)+" in the request.")
		}
		if part.PartNumber != k+1 {
			return plan{}, refuse(ctx, &u.target, &front.Failure{Status: http.StatusBadRequest, Code: "InvalidPartOrder",
				Message: "The list of parts was not in ascending order. Parts must be ordered by part number."})
		}
	}
	return p, nil
}

// undeclared is the checksum that a client speaks of at the end of an upload that was begun without one.
func undeclared(asked *front.Wanted, named []minio.CompletePart) plan {
	alg, kind := asked.Whole.Algorithm, asked.Whole.Kind()
	if alg != checksum.None {
		return plan{alg, cmp.Or(asked.Kind, kind)}
	}
	for _, p := range named {
		if alg = asked.Parts[p.PartNumber].Algorithm; alg != checksum.None {
			break
		}
	}
	return plan{alg, cmp.Or(asked.Kind, checksum.KindOf(alg))}
}

// sumParts returns the checksums of the parts that make an object, in order. Those that have none of the algorithm, as when
// the original has stored them, must have been read; *unread: some have not. told are those that the client names.
func (c *completion) sumParts(stored []storedPart, named []minio.CompletePart, sizes []int64, alg checksum.Algorithm,
	told map[int]checksum.Sum) ([]checksum.Part, error) {
	parts := make([]checksum.Part, len(named))
	var missing []*vfs.Info
	for k, p := range named {
		j, ok := findPart(stored, p.PartNumber)
		if !ok {
			return nil, minio.InvalidPart{PartNumber: p.PartNumber, GotETag: p.ETag}
		}
		s := sumOf(stored[j].file)
		if s.Algorithm != alg {
			if s = c.read[partVersionOf(stored[j].file)]; s.Algorithm != alg {
				missing = append(missing, stored[j].file)
				continue
			}
		}
		if want, ok := told[p.PartNumber]; ok && !want.Equal(s) {
			return nil, minio.InvalidPart{PartNumber: p.PartNumber, ExpETag: s.String(), GotETag: want.String()}
		}
		parts[k] = checksum.Part{Sum: s, Size: sizes[k]}
	}
	if len(missing) > 0 {
		return nil, &unread{missing, alg}
	}
	return parts, nil
}

// readSum reads a file and returns its checksum; further hashes get the data, too. It fails with vfs.ErrPartChanged unless
// the file is the one that was seen; nil: whatever it is.
func (l *Layer) readSum(ctx context.Context, path string, seen *vfs.Info, alg checksum.Algorithm, further ...hash.Hash) (checksum.Sum, error) {
	r, err := l.v.OpenObject(ctx, path)
	if err != nil {
		return checksum.Sum{}, err
	}
	if i := r.Info(); seen != nil && (i.Ino != seen.Ino || !i.Mtime.Equal(seen.Mtime) || i.Size != seen.Size) {
		return checksum.Sum{}, errors.Join(vfs.ErrPartChanged, r.Close())
	}
	h := alg.New()
	all := []io.Writer{h}
	for _, f := range further {
		all = append(all, f)
	}
	d := checksum.NewDigest(r.Info().Size, all, nil)
	data := r.Range(ctx, 0, -1)
	_, err = io.Copy(d, data)
	d.Wait()
	if err = errors.Join(err, data.Close(), r.Close()); err != nil || h == nil {
		return checksum.Sum{}, err
	}
	return checksum.Sum{Algorithm: alg, Value: h.Sum(nil)}, nil
}

// copySum returns the checksum that a copy gets: that of the source, or of the algorithm that the client asks for.
func (l *Layer) copySum(ctx context.Context, src *target, from *vfs.Info) (checksum.Sum, error) {
	sum, alg := sumOf(from), front.WantedOf(ctx).Algorithm
	if alg == checksum.None || alg == sum.Algorithm && sum.Parts == 0 {
		return sum, nil
	}
	if from.IsDir() {
		return emptySum(alg), nil
	}
	sum, err := l.readSum(ctx, src.path, from, alg)
	if errors.Is(err, vfs.ErrPartChanged) {
		return checksum.Sum{}, minio.OperationTimedOut{} // the client tries again
	}
	return sum, l.fail(ctx, src, reads, err)
}

// emptySum is the checksum of no data.
func emptySum(alg checksum.Algorithm) checksum.Sum {
	h := alg.New()
	if h == nil {
		return checksum.Sum{}
	}
	return checksum.Sum{Algorithm: alg, Value: h.Sum(nil)}
}

// invalidSum refuses what a client says of a checksum.
func invalidSum(ctx context.Context, u *upload, message string) error {
	return refuse(ctx, &u.target, &front.Failure{Status: http.StatusBadRequest, Code: "InvalidRequest", Message: message})
}
