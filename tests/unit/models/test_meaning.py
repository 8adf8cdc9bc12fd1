"""What providers' errors mean, in the words that were seen of them."""

import pytest

from agentlab.errors import FailureKind
from agentlab.models.providers.meaning import kind_of, status_of, words

TOO_LONG = [
    "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens.",
    "The decoder prompt (length 8206) is longer than the maximum model length of 8192.",
    "You passed 8206 input tokens. However, the model's context length is only 8192 tokens",
    "The input (8206 tokens) is longer than the model's context length (8192 tokens).",
    "Requested token count exceeds the model's maximum context length of 8192 tokens.",
    "Input length (9000 tokens) exceeds the maximum allowed length (8191 tokens).",
    "the request exceeds the available context size. try increasing the context size or enable context shift",
    "exceed_context_size_error: request (9000 tokens) exceeds the available context size (4096 tokens)",
    "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000 `inputs` tokens",
    "Input validation error: `inputs` must have less than 1024 tokens. Given: 2000",
    "This endpoint's maximum context length is 32768 tokens. However, you requested about 40000 tokens",
    "Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context length",
    "The input token count (1196265) exceeds the maximum number of tokens allowed (1048575).",
    "invalid_request_error: prompt is too long: 213462 tokens > 200000 maximum",
    "input length and `max_tokens` exceed context limit: 195000 + 8000 > 200000, decrease input length",
    "context_length_exceeded: Your input exceeds the context window of this model. Please adjust your input.",
    "This model's maximum prompt length is 131072 but the request contains 537812 tokens.",
    "Invalid request: Your request exceeded model token limit: 8192",
    "Please reduce the length of the messages or completion.",
    "Input is too long for requested model.",
    "<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 30720]",
    "Trying to keep the first 5000 tokens. However, the model is loaded with context length of only 4096 tokens",
    "Prompt exceeds max length",
    "Could not finish the message because max_tokens or model output limit was reached.",
]
REFUSED = [
    "content_filter: The response was filtered due to the prompt triggering Azure OpenAI's content management policy.",
    "content_filter: ResponsibleAIPolicyViolation: The response was filtered",
    "invalid_prompt: Invalid prompt: your prompt was flagged as potentially violating our usage policy.",
    "invalid_request_error: Output blocked by content filtering policy",
    "content_policy_violation: Your request was rejected as a result of our safety system.",
    'Your chosen model requires moderation and your input was flagged for "violence". No credits were charged.',
    "Content violates usage guidelines.",
    "Content Exists Risk",
    "data_inspection_failed: Input data may contain inappropriate content.",
    "The model's output was blocked: PROHIBITED_CONTENT",
]
FATAL = [
    "model: claude-nope",
    "max_tokens is too large: 5000. This model supports at most 4096 completion tokens",
    "Unsupported parameter: 'temperature' is not supported with this model.",
    "messages.0.content: Input should be a valid string",
    "Your account has been flagged for unusual activity",
    "Invalid content type. image_url is only supported by certain models.",
]


@pytest.mark.parametrize("status", [400, 422, 500])
@pytest.mark.parametrize("message", TOO_LONG)
def test_a_context_that_overflows_is_too_long(message: str, status: int) -> None:
    assert kind_of(status, message) == "too_long"


@pytest.mark.parametrize("status", [400, 403])
@pytest.mark.parametrize("message", REFUSED)
def test_a_content_filter_refuses(message: str, status: int) -> None:
    assert kind_of(status, message) == "refused"


@pytest.mark.parametrize("message", FATAL)
def test_any_other_bad_request_is_fatal(message: str) -> None:
    assert kind_of(400, message) == "fatal"


@pytest.mark.parametrize(
    ("error", "said", "kind"),
    [
        ({"message": "Insufficient credits", "code": 402}, "402: Insufficient credits", "fatal"),
        ({"message": "No key", "code": "401"}, "401: No key", "fatal"),
        ({"message": "Forbidden", "code": 403}, "403: Forbidden", "fatal"),
        ({"message": "Slow down", "code": 429}, "429: Slow down", "rate_limit"),
        ({"type": "rate_limit_error", "message": "Slow down"}, "rate_limit_error: Slow down", "rate_limit"),
        ({"message": "Bad gateway", "code": 502}, "502: Bad gateway", "transient"),
        ({"type": "overloaded_error", "message": "Overloaded"}, "overloaded_error: Overloaded", "transient"),
        ({"code": "context_length_exceeded", "message": ""}, "context_length_exceeded", "too_long"),
        ({"code": "content_filter", "message": "Filtered"}, "content_filter: Filtered", "refused"),
        ({"message": "input was flagged"}, "input was flagged", "refused"),
        (
            {"code": 400, "message": "Provider returned error", "metadata": {"raw": "maximum context length is 9"}},
            "400: Provider returned error: maximum context length is 9",
            "too_long",
        ),
        (
            {"code": 400, "message": "No", "innererror": {"code": "ResponsibleAIPolicyViolation"}},
            "400: ResponsibleAIPolicyViolation: No",
            "refused",
        ),
        ("it broke", "it broke", "transient"),
        ({"code": True, "metadata": 3, "innererror": "x"}, "True", "transient"),
        (7, "", "transient"),
    ],
)
def test_an_error_in_a_reply_has_words_and_a_kind(error: object, said: str, kind: FailureKind) -> None:
    assert words(error) == said
    assert kind_of(status_of(error), words(error)) == kind
