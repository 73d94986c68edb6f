"""From the postprocessing task of pipeline.json to the keys ``postprocess`` and ``metric``."""

from __future__ import annotations

from collections.abc import Mapping

from pytest_quant.spec.text import listed
from pytest_quant.zoo.draft import Draft, Keys
from pytest_quant.zoo.mmdeploy.transforms import Source
from pytest_quant.zoo.yaml_lines import RawEntry

Params = RawEntry

DECODER: Keys = ("postprocess", "decoder")

_TEXT_HEADS: Mapping[str, str] = {"PANHead": "pan", "TextSnakeHead": "textsnake", "DBHead": "db"}
_CHANNELS: Mapping[str, int] = {"PANHead": 6, "TextSnakeHead": 5, "DBHead": 1}

_SAME = ("min_text_confidence", "min_kernel_confidence", "min_text_avg_confidence", "score_threshold",
         "distance_threshold", "min_text_area", "text_repr_type", "min_text_region_confidence",
         "min_center_region_confidence", "min_center_area", "disk_overlap_thr", "radius_shrink_ratio",
         "step_ratio")  # fmt: skip
_TEXT_KEYS: Mapping[str, Mapping[str, str]] = {
    "pan": {name: name for name in _SAME[:7]},
    "textsnake": {name: name for name in _SAME[6:]},
    "db": {
        "mask_thr": "mask_threshold",
        "min_text_score": "box_threshold",
        "min_text_width": "min_size",
        "unclip_ratio": "unclip_ratio",
        "max_candidates": "max_candidates",
        "text_repr_type": "box",
    },
}
"""Names of mmocr's postprocessors to those of a zoo file."""


def channels_of(head: str | None) -> int | None:
    """Channels of the net of a text detector's head, where it has a fixed number of them."""
    return _CHANNELS.get(str(head))


def text_detection(draft: Draft, head: str | None, params: Params, source: Source) -> None:
    """The decoder of a text detector's head, with the parameters that the file holds."""
    decoder = _TEXT_HEADS.get(str(head))
    if decoder is None:
        draft.problem(f"{source.file} names the head {head}; decoders are known for {listed(_TEXT_HEADS)}", DECODER)
        return
    draft.put(decoder, *DECODER)
    draft.put(f"mmocr-{source.generation}" if decoder != "db" else "mmocr", "postprocess", "profile")
    draft.put({"profile": f"mmocr-{source.generation}"}, "metric", "hmean")
    if decoder == "pan" and isinstance(params.get("downsample_ratio"), float):
        draft.put(params["downsample_ratio"], "postprocess", "downsample_ratio")
    written = params.get("postprocessor")
    if isinstance(written, Mapping):
        _parameters(draft, decoder, written, source)
    else:
        _lost_parameters(draft, decoder, source)


def _parameters(draft: Draft, decoder: str, written: Params, source: Source) -> None:
    names = _TEXT_KEYS[decoder]
    for name, value in written.items():
        if name in names:
            draft.put(value, "postprocess", names[name])
        elif name != "type":
            draft.note(f"{source.file} has the parameter {name}: {value!r} of {decoder}, which is not read")
    if decoder != "textsnake" and "text_repr_type" not in written:
        draft.put("poly", "postprocess", names["text_repr_type"])  # the default of mmocr's class


def _lost_parameters(draft: Draft, decoder: str, source: Source) -> None:
    """What mmdeploy 1.x leaves out: it writes the head's type and none of its parameters."""
    if decoder == "textsnake":
        return
    shape = "poly" if source.dataset_type == "ctw1500" else "quad"
    key = _TEXT_KEYS[decoder]["text_repr_type"]
    draft.put(shape, "postprocess", key)
    draft.note(
        f"{source.file} has no parameters of {decoder}'s postprocessing, since mmdeploy {source.generation} leaves "
        f"them out: the published ones are taken, with {key} {shape} as the config for "
        f"{'CTW1500' if shape == 'poly' else 'ICDAR2015'} has it",
        ("postprocess", key),
    )


def keypoints(draft: Draft, component: str | None, params: Params, source: Source) -> None:
    """The decoder of a pose net's head; flip_test is always off, since an exported net is run once."""
    if component == "SimCCLabelDecode" or params.get("type") == "SimCCLabel":
        _simcc(draft, params, source)
    elif str(component).startswith(("TopdownHeatmap", "TopDownSimpleHead")):
        _heatmap(draft, params, source)
    else:
        draft.problem(f"{source.file} decodes with {component}; known are heatmaps and SimCC", DECODER)
        return
    draft.put(False, "postprocess", "flip_test")
    _flip_note(draft, params, source)
    if source.generation == "0.x":
        draft.put({"bbox_in_results": False}, "metric", "AP")


def _flip_note(draft: Draft, params: Params, source: Source) -> None:
    if params.get("flip_test"):
        tell, said = draft.note, "has flip_test: true from the training config, but an exported net is run once"
    elif source.generation == "1.x":
        tell = draft.remark
        said = "cannot tell the flip_test of the training config: mmdeploy 1.x always writes false"
    else:
        return
    tell(
        f"{source.file} {said}. It is off here; a number published with it is about 0.01 AP higher",
        ("postprocess", "flip_test"),
    )


def _heatmap(draft: Draft, params: Params, source: Source) -> None:
    draft.put("heatmap", *DECODER)
    draft.put(f"mmpose-{source.generation}", "postprocess", "profile")
    if params.get("heatmap_size") is not None:
        draft.put(params["heatmap_size"], "postprocess", "heatmap_size")
    combined = "combined" in str(params.get("heatmap_type", "")) or params.get("target_type") == "CombinedTarget"
    if combined or params.get("type") == "MegviiHeatmap" or params.get("post_process") == "megvii":
        kind = "combined targets" if combined else "Megvii heatmaps"
        draft.problem(f"{source.file} decodes {kind}, for which there is no decoder")
        return
    refine = _refine(params)
    if refine is None:
        draft.problem(
            f"{source.file} has post_process: {params.get('post_process')!r}, which is not known",
            ("postprocess", "refine"),
        )
        return
    draft.put(refine, "postprocess", "refine")
    if refine == "udp":
        draft.put(True, "preprocess", "udp")
    blur = params.get("blur_kernel_size", params.get("modulate_kernel"))
    if refine in ("udp", "dark") and blur is not None:
        draft.put(blur, "postprocess", "blur_kernel")


def _refine(params: Params) -> str | None:
    """How a peak is refined below a pixel; None when the file says something that is not known."""
    if params.get("use_udp") or params.get("type") == "UDPHeatmap":
        return "udp"
    if params.get("unbiased"):
        return "dark"
    known = {"default": "shift", "unbiased": "dark", "None": "none", "False": "none"}
    return known.get(str(params.get("post_process", "default")))


def _simcc(draft: Draft, params: Params, source: Source) -> None:
    draft.put("simcc", *DECODER)
    if params.get("export_postprocess"):
        draft.problem(f"{source.file} has export_postprocess: the net gives keypoints, expected the two SimCC vectors")
    if isinstance(params.get("simcc_split_ratio"), int | float):
        draft.put(float(params["simcc_split_ratio"]), "postprocess", "split_ratio")
    if params.get("use_dark"):
        draft.put("dark", "postprocess", "refine")
        sigma = params.get("sigma")
        draft.put([sigma, sigma] if isinstance(sigma, int | float) else sigma, "postprocess", "sigma")
