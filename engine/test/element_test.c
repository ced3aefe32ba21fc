/* element.h: conversions, refusals, norms. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "test/expect.h"
#include "vector/element.h"

static uint16_t half_of(float value)
{
    uint16_t half = 0xffff;
    EXPECT(!element_from_floats(MV_VECTOR_FP16, &value, 1, &half, NULL));
    return half;
}

static float float_of(uint16_t half)
{
    float value;
    element_to_floats(MV_VECTOR_FP16, &half, 1, &value);
    return value;
}

static bool refused(mv_type type, float value, const char *text)
{
    float floats[3] = {1, 2, value};
    uint8_t out[sizeof floats];
    mv_error error;
    return element_from_floats(type, floats, 3, out, &error) == MV_MISUSE &&
           error.code == MV_MISUSE && strstr(error.text, "number 3 ") && strstr(error.text, text);
}

static void test_sizes(void)
{
    EXPECT(element_size(MV_VECTOR_FP32) == 4);
    EXPECT(element_size(MV_VECTOR_FP16) == 2);
    EXPECT(element_size(MV_VECTOR_INT8) == 1);
    EXPECT(element_size(MV_VECTOR_BINARY) == 1);
    EXPECT(element_size(MV_STRING) == 0);
    EXPECT(element_row_size(MV_VECTOR_FP32, 24) == 96 &&
           element_row_size(MV_VECTOR_FP16, 24) == 48);
    EXPECT(element_row_size(MV_VECTOR_INT8, 24) == 24 &&
           element_row_size(MV_VECTOR_BINARY, 24) == 3);
    EXPECT(element_count(MV_VECTOR_INT8, 24) == 24 && element_count(MV_VECTOR_BINARY, 24) == 3);
    EXPECT(mv_vector_size(MV_VECTOR_FP16, 24) == 96 && mv_vector_size(MV_VECTOR_INT8, 24) == 96);
    EXPECT(mv_vector_size(MV_VECTOR_BINARY, 24) == 3 && mv_vector_size(MV_STRING, 24) == 0);
}

/* What is given comes back: floats as the type holds them, bits as they are. */
static void test_given(void)
{
    const float floats[8] = {1, -2, 0.5f, 0, 1, 1, 1, 1};
    const uint8_t bits[3] = {0x80, 0x7f, 0xa5};
    float back[8];
    uint8_t elements[sizeof floats], bits_back[3];
    EXPECT(!element_from_given(MV_VECTOR_FP16, floats, 8, elements, NULL));
    element_to_given(MV_VECTOR_FP16, elements, 8, back);
    EXPECT(memcmp(floats, back, sizeof back) == 0);
    EXPECT(!element_from_given(MV_VECTOR_BINARY, bits, 24, elements, NULL));
    element_to_given(MV_VECTOR_BINARY, elements, 24, bits_back);
    EXPECT(memcmp(bits, bits_back, sizeof bits) == 0);
    EXPECT(element_from_given(MV_VECTOR_INT8, floats, 8, elements, NULL) == MV_MISUSE);
}

/* Every half there is, by the definition of the format, and back. */
static void test_all_halfs(void)
{
    int wrong_values = 0, wrong_back = 0, wrong_refusals = 0;
    for (uint32_t half = 0; half <= 0xffff; half++) {
        int exponent = (int)(half >> 10 & 31), fraction = (int)(half & 1023);
        float value = float_of((uint16_t)half);
        if (exponent == 31) {
            if (fraction ? !isnan(value) : !isinf(value)) wrong_values++;
            if (!refused(MV_VECTOR_FP16, value, "vector_fp16")) wrong_refusals++;
            continue;
        }
        double magnitude = exponent ? ldexp(1024 + fraction, exponent - 25) : ldexp(fraction, -24);
        if (fabs((double)value) != magnitude || !signbit(value) != !(half & 0x8000)) wrong_values++;
        if (half_of(value) != half) wrong_back++;
    }
    EXPECT(wrong_values == 0);
    EXPECT(wrong_back == 0);
    EXPECT(wrong_refusals == 0);
}

/* Between two neighbouring halfs the middle goes to the even one, other values to the nearer. */
static void test_half_rounding(void)
{
    int wrong = 0;
    for (uint16_t half = 0; half < 0x7bff; half++) {
        uint16_t above = (uint16_t)(half + 1), even = half & 1 ? above : half;
        float middle = (float_of(half) + float_of(above)) / 2; /* exact: it takes one bit more */
        if (half_of(middle) != even) wrong++;
        if (half_of(nextafterf(middle, 0)) != half || half_of(nextafterf(middle, 1e9f)) != above)
            wrong++;
        if (half_of(-middle) != (even | 0x8000)) wrong++;
    }
    EXPECT(wrong == 0);
    EXPECT(half_of(FLT_TRUE_MIN) == 0 && half_of(-1e-30f) == 0x8000);
    EXPECT(half_of(-0.0f) == 0x8000);
}

static void test_refusals(void)
{
    const mv_type types[] = {MV_VECTOR_FP32, MV_VECTOR_FP16, MV_VECTOR_INT8};
    for (size_t t = 0; t < 3; t++) {
        EXPECT(refused(types[t], NAN, "nan"));
        EXPECT(refused(types[t], INFINITY, "inf"));
        EXPECT(refused(types[t], -INFINITY, "-inf"));
    }
    EXPECT(refused(MV_VECTOR_FP16, nextafterf(65504, 1e9f), "65504"));
    EXPECT(refused(MV_VECTOR_FP16, -70000, "-70000"));
    EXPECT(refused(MV_VECTOR_INT8, 128, "128"));
    EXPECT(refused(MV_VECTOR_INT8, -129, "-129"));
    EXPECT(refused(MV_VECTOR_INT8, 0.5f, "0.5"));
    EXPECT(refused(MV_VECTOR_INT8, 1e30f, "1.0"));
    EXPECT(half_of(65504) == 0x7bff && half_of(-65504) == 0xfbff);
}

static void test_unaligned(void)
{
    const float floats[3] = {-128, 127, -0.0f};
    uint8_t in[1 + sizeof floats], out[1 + sizeof floats];
    float back[3];
    memcpy(in + 1, floats, sizeof floats);
    const mv_type types[] = {MV_VECTOR_FP32, MV_VECTOR_FP16, MV_VECTOR_INT8};
    for (size_t t = 0; t < 3; t++) {
        EXPECT(!element_from_floats(types[t], in + 1, 3, out + 1, NULL));
        element_to_floats(types[t], out + 1, 3, back);
        EXPECT(back[0] == -128 && back[1] == 127 && back[2] == 0);
    }
}

static void test_inverse_norm(void)
{
    static float floats[1000];
    static int8_t bytes[1000];
    const float huge[2] = {FLT_MAX, FLT_MAX}, tiny = FLT_TRUE_MIN, pair[2] = {3, -4};
    EXPECT(element_inverse_norm(MV_VECTOR_FP32, pair, 2) == 0.2f);
    EXPECT(element_inverse_norm(MV_VECTOR_FP32, floats, 1000) == 0);
    EXPECT(element_inverse_norm(MV_VECTOR_FP32, huge, 2) > 0);
    EXPECT(element_inverse_norm(MV_VECTOR_FP32, &tiny, 1) == FLT_MAX);
    for (int i = 0; i < 1000; i++) floats[i] = 2, bytes[i] = -128;
    EXPECT(element_inverse_norm(MV_VECTOR_FP32, floats, 1000) == (float)(1 / sqrt(4000)));
    EXPECT(element_inverse_norm(MV_VECTOR_INT8, bytes, 1000) == (float)(1 / sqrt(16384000)));
    const uint16_t halfs[2] = {0x4200, 0xc400}; /* 3 and -4 */
    EXPECT(element_inverse_norm(MV_VECTOR_FP16, halfs, 2) == 0.2f);
}

int main(void)
{
    RUN(test_sizes());
    RUN(test_given());
    RUN(test_all_halfs());
    RUN(test_half_rounding());
    RUN(test_refusals());
    RUN(test_unaligned());
    RUN(test_inverse_norm());
    return tests_conclude();
}
