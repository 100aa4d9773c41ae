//go:build amd64 && !purego

#include "textflag.h"

// Both hashes in one pass. The steps of MD5 wait for each other and use the general registers; the rounds of SHA-256 wait for
// each other and use the vector registers. Taken in turn, four steps and four rounds, the CPU runs them side by side.
//
// R8 to R11 are the state of MD5 (RFC 1321), R12 and R13 are spare. X1 and X2 are the state of SHA-256 (FIPS 180-4) as its
// instructions want it: a, b, e, f and c, d, g, h. X3 to X6 are the last 16 words of the schedule, X0 and X7 are spare, X8 swaps
// bytes. SI is the block, AX the constants of SHA-256.

// A step of MD5: a = b + ((a + f(b, c, d) + word + k) <<< s), for each of the four f. What needs b, which the step before
// has just made, comes as late as can be.

// f = (b & c) | (^b & d), computed as ((c ^ d) & b) ^ d
#define STEP1(a, b, c, d, word, k, s) \
	MOVL c, R12; \
	ADDL (4*word)(SI), a; \
	XORL d, R12; \
	LEAL k(a), a; \
	ANDL b, R12; \
	XORL d, R12; \
	ADDL R12, a; \
	ROLL $s, a; \
	ADDL b, a

// f = (b & d) | (c & ^d): no bit is in both, so it is their sum
#define STEP2(a, b, c, d, word, k, s) \
	MOVL d, R12; \
	ADDL (4*word)(SI), a; \
	NOTL R12; \
	MOVL d, R13; \
	ANDL c, R12; \
	LEAL k(a)(R12*1), a; \
	ANDL b, R13; \
	ADDL R13, a; \
	ROLL $s, a; \
	ADDL b, a

// f = b ^ c ^ d
#define STEP3(a, b, c, d, word, k, s) \
	MOVL c, R12; \
	ADDL (4*word)(SI), a; \
	XORL d, R12; \
	LEAL k(a), a; \
	XORL b, R12; \
	ADDL R12, a; \
	ROLL $s, a; \
	ADDL b, a

// f = c ^ (b | ^d)
#define STEP4(a, b, c, d, word, k, s) \
	MOVL d, R12; \
	ADDL (4*word)(SI), a; \
	NOTL R12; \
	LEAL k(a), a; \
	ORL b, R12; \
	XORL c, R12; \
	ADDL R12, a; \
	ROLL $s, a; \
	ADDL b, a

// Four rounds of SHA-256 with the words of w, which are also left in X0.
#define ROUNDS(i, w) \
	MOVOU (16*i)(AX), X0; \
	PADDD w, X0; \
	SHA256RNDS2 X0, X1, X2; \
	PSHUFD $0x0e, X0, X0; \
	SHA256RNDS2 X0, X2, X1

// The first four times the words are those of the block.
#define FIRST(i, w) \
	MOVOU (16*i)(SI), w; \
	PSHUFB X8, w; \
	ROUNDS(i, w)

// Then four words follow from the sixteen before: w the oldest, w3 the youngest.
#define NEXT(i, w, w1, w2, w3) \
	SHA256MSG1 w1, w; \
	MOVO w3, X7; \
	PALIGNR $4, w2, X7; \
	PADDD X7, w; \
	SHA256MSG2 w3, w; \
	ROUNDS(i, w)

// func jointBlocks(m *[4]uint32, s *[8]uint32, p []byte)
TEXT ·jointBlocks(SB), NOSPLIT, $0-40
	MOVQ p_len+24(FP), CX
	SHRQ $6, CX
	JZ   done
	MOVQ p_base+16(FP), SI
	MOVQ m+0(FP), DI
	MOVL 0(DI), R8
	MOVL 4(DI), R9
	MOVL 8(DI), R10
	MOVL 12(DI), R11
	MOVQ s+8(FP), DX
	MOVOU 0(DX), X1
	MOVOU 16(DX), X2
	PSHUFD $0xb1, X1, X1
	PSHUFD $0x1b, X2, X2
	MOVO X1, X7
	PALIGNR $8, X2, X1
	PBLENDW $0xf0, X7, X2
	MOVOU ·swapped(SB), X8
	LEAQ ·shaConstants(SB), AX

loop:
	MOVL R8, DI
	MOVL R9, DX
	MOVL R10, BX
	MOVL R11, R14
	MOVO X1, X9
	MOVO X2, X10

	FIRST(0, X3)
	STEP1(R8, R9, R10, R11, 0, -0x28955b88, 7)
	STEP1(R11, R8, R9, R10, 1, -0x173848aa, 12)
	STEP1(R10, R11, R8, R9, 2, 0x242070db, 17)
	STEP1(R9, R10, R11, R8, 3, -0x3e423112, 22)
	FIRST(1, X4)
	STEP1(R8, R9, R10, R11, 4, -0x0a83f051, 7)
	STEP1(R11, R8, R9, R10, 5, 0x4787c62a, 12)
	STEP1(R10, R11, R8, R9, 6, -0x57cfb9ed, 17)
	STEP1(R9, R10, R11, R8, 7, -0x02b96aff, 22)
	FIRST(2, X5)
	STEP1(R8, R9, R10, R11, 8, 0x698098d8, 7)
	STEP1(R11, R8, R9, R10, 9, -0x74bb0851, 12)
	STEP1(R10, R11, R8, R9, 10, -0x0000a44f, 17)
	STEP1(R9, R10, R11, R8, 11, -0x76a32842, 22)
	FIRST(3, X6)
	STEP1(R8, R9, R10, R11, 12, 0x6b901122, 7)
	STEP1(R11, R8, R9, R10, 13, -0x02678e6d, 12)
	STEP1(R10, R11, R8, R9, 14, -0x5986bc72, 17)
	STEP1(R9, R10, R11, R8, 15, 0x49b40821, 22)
	NEXT(4, X3, X4, X5, X6)
	STEP2(R8, R9, R10, R11, 1, -0x09e1da9e, 5)
	STEP2(R11, R8, R9, R10, 6, -0x3fbf4cc0, 9)
	STEP2(R10, R11, R8, R9, 11, 0x265e5a51, 14)
	STEP2(R9, R10, R11, R8, 0, -0x16493856, 20)
	NEXT(5, X4, X5, X6, X3)
	STEP2(R8, R9, R10, R11, 5, -0x29d0efa3, 5)
	STEP2(R11, R8, R9, R10, 10, 0x02441453, 9)
	STEP2(R10, R11, R8, R9, 15, -0x275e197f, 14)
	STEP2(R9, R10, R11, R8, 4, -0x182c0438, 20)
	NEXT(6, X5, X6, X3, X4)
	STEP2(R8, R9, R10, R11, 9, 0x21e1cde6, 5)
	STEP2(R11, R8, R9, R10, 14, -0x3cc8f82a, 9)
	STEP2(R10, R11, R8, R9, 3, -0x0b2af279, 14)
	STEP2(R9, R10, R11, R8, 8, 0x455a14ed, 20)
	NEXT(7, X6, X3, X4, X5)
	STEP2(R8, R9, R10, R11, 13, -0x561c16fb, 5)
	STEP2(R11, R8, R9, R10, 2, -0x03105c08, 9)
	STEP2(R10, R11, R8, R9, 7, 0x676f02d9, 14)
	STEP2(R9, R10, R11, R8, 12, -0x72d5b376, 20)
	NEXT(8, X3, X4, X5, X6)
	STEP3(R8, R9, R10, R11, 5, -0x0005c6be, 4)
	STEP3(R11, R8, R9, R10, 8, -0x788e097f, 11)
	STEP3(R10, R11, R8, R9, 11, 0x6d9d6122, 16)
	STEP3(R9, R10, R11, R8, 14, -0x021ac7f4, 23)
	NEXT(9, X4, X5, X6, X3)
	STEP3(R8, R9, R10, R11, 1, -0x5b4115bc, 4)
	STEP3(R11, R8, R9, R10, 4, 0x4bdecfa9, 11)
	STEP3(R10, R11, R8, R9, 7, -0x0944b4a0, 16)
	STEP3(R9, R10, R11, R8, 10, -0x41404390, 23)
	NEXT(10, X5, X6, X3, X4)
	STEP3(R8, R9, R10, R11, 13, 0x289b7ec6, 4)
	STEP3(R11, R8, R9, R10, 0, -0x155ed806, 11)
	STEP3(R10, R11, R8, R9, 3, -0x2b10cf7b, 16)
	STEP3(R9, R10, R11, R8, 6, 0x04881d05, 23)
	NEXT(11, X6, X3, X4, X5)
	STEP3(R8, R9, R10, R11, 9, -0x262b2fc7, 4)
	STEP3(R11, R8, R9, R10, 12, -0x1924661b, 11)
	STEP3(R10, R11, R8, R9, 15, 0x1fa27cf8, 16)
	STEP3(R9, R10, R11, R8, 2, -0x3b53a99b, 23)
	NEXT(12, X3, X4, X5, X6)
	STEP4(R8, R9, R10, R11, 0, -0x0bd6ddbc, 6)
	STEP4(R11, R8, R9, R10, 7, 0x432aff97, 10)
	STEP4(R10, R11, R8, R9, 14, -0x546bdc59, 15)
	STEP4(R9, R10, R11, R8, 5, -0x036c5fc7, 21)
	NEXT(13, X4, X5, X6, X3)
	STEP4(R8, R9, R10, R11, 12, 0x655b59c3, 6)
	STEP4(R11, R8, R9, R10, 3, -0x70f3336e, 10)
	STEP4(R10, R11, R8, R9, 10, -0x00100b83, 15)
	STEP4(R9, R10, R11, R8, 1, -0x7a7ba22f, 21)
	NEXT(14, X5, X6, X3, X4)
	STEP4(R8, R9, R10, R11, 8, 0x6fa87e4f, 6)
	STEP4(R11, R8, R9, R10, 15, -0x01d31920, 10)
	STEP4(R10, R11, R8, R9, 6, -0x5cfebcec, 15)
	STEP4(R9, R10, R11, R8, 13, 0x4e0811a1, 21)
	NEXT(15, X6, X3, X4, X5)
	STEP4(R8, R9, R10, R11, 4, -0x08ac817e, 6)
	STEP4(R11, R8, R9, R10, 11, -0x42c50dcb, 10)
	STEP4(R10, R11, R8, R9, 2, 0x2ad7d2bb, 15)
	STEP4(R9, R10, R11, R8, 9, -0x14792c6f, 21)

	ADDL DI, R8
	ADDL DX, R9
	ADDL BX, R10
	ADDL R14, R11
	PADDD X9, X1
	PADDD X10, X2
	ADDQ $64, SI
	DECQ CX
	JNZ  loop

	PSHUFD $0x1b, X1, X1
	PSHUFD $0xb1, X2, X2
	MOVO X1, X7
	PBLENDW $0xf0, X2, X1
	PALIGNR $8, X7, X2
	MOVQ s+8(FP), DX
	MOVOU X1, 0(DX)
	MOVOU X2, 16(DX)
	MOVQ m+0(FP), DI
	MOVL R8, 0(DI)
	MOVL R9, 4(DI)
	MOVL R10, 8(DI)
	MOVL R11, 12(DI)

done:
	RET
