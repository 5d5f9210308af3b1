"""The training scripts: `python3 -m unittest discover -s tests/training -v`.

What needs torch or the faces is skipped, and says so, where they are missing.
"""

import importlib.util
import os
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.normpath(os.path.join(HERE, "..", ".."))
MODELS = os.path.join(ROOT, "models")
DATA = os.path.join(ROOT, "..", "shared", "fer")
NEEDED = ("torch", "numpy", "scipy", "matplotlib")
MISSING = [name for name in NEEDED if importlib.util.find_spec(name) is None]
SMOKE_SECONDS = 600

sys.path.insert(0, MODELS)
if not MISSING:
    import numpy as np
    import torch

needs_torch = unittest.skipIf(MISSING, f"SKIPPED: {', '.join(MISSING)} not installed for {sys.executable}")
needs_faces = unittest.skipUnless(os.path.exists(os.path.join(DATA, "train-images.npy")), "SKIPPED: no faces in ../shared/fer")


def training(*arguments, timeout=120):
    return subprocess.run([sys.executable, "-m", "training", *arguments], cwd=MODELS, capture_output=True, text=True, timeout=timeout,
                          env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})


def write_faces(folder, split, images, labels):
    from training.data import TAGS

    np.save(os.path.join(folder, f"{split}-images.npy"), images)
    with open(os.path.join(folder, f"{split}-labels.csv"), "w", encoding="utf-8") as file:
        print("name,fer2013," + ",".join(f"votes_{tag}" for tag in TAGS), file=file)
        for i, label in enumerate(labels):
            print(f"{i}.png,{label},10,0,0,0,0,0,0,0,0,0", file=file)


@needs_torch
class BadInputTest(unittest.TestCase):
    """Each mistake: exit code 2 and one line that says what and where."""

    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.addCleanup(self.temporary.cleanup)
        self.data = os.path.join(self.temporary.name, "data")
        self.runs = os.path.join(self.temporary.name, "runs")
        os.makedirs(self.data)
        images = np.random.default_rng(0).integers(0, 256, (40, 48, 48), dtype=np.uint8)
        for split in ("train", "valid"):
            write_faces(self.data, split, images, ["happy"] * 40)

    def fails(self, *words, stage=("train", "edge-stable")):
        result = training(*stage, "--data", self.data, "--runs", self.runs, "--out", self.temporary.name)
        self.assertEqual(result.returncode, 2, result.stderr)
        self.assertEqual(len(result.stderr.strip().splitlines()), 1, result.stderr)
        for word in words:
            self.assertIn(word, result.stderr)

    def test_missing_file(self):
        os.remove(os.path.join(self.data, "valid-labels.csv"))
        self.fails("valid-labels.csv", "No such file")

    def test_truncated_images(self):
        path = os.path.join(self.data, "train-images.npy")
        os.truncate(path, 5000)
        self.fails("train-images.npy", "cannot be read")

    def test_wrong_shape(self):
        np.save(os.path.join(self.data, "train-images.npy"), np.zeros((40, 64, 64), np.uint8))
        self.fails("train-images.npy", "[40, 64, 64]")

    def test_wrong_count(self):
        np.save(os.path.join(self.data, "train-images.npy"), np.zeros((39, 48, 48), np.uint8))
        self.fails("39 faces", "40 rows")

    def test_unknown_label(self):
        write_faces(self.data, "train", np.zeros((40, 48, 48), np.uint8), ["happy"] * 39 + ["bored"])
        self.fails("train-labels.csv, line 41", "bored")

    def test_truncated_checkpoint(self):
        folder = os.path.join(self.runs, "seed-full")
        os.makedirs(folder)
        with open(os.path.join(folder, "last.pt"), "wb") as file:
            file.write(b"PK\3\4 cut off")
        self.fails("last.pt", "not a readable checkpoint", stage=("compress",))

    def test_missing_checkpoint(self):
        self.fails("no such checkpoint", stage=("calibrate", "edge"))

    def test_unknown_names(self):
        self.fails("unknown run 'edgy'", stage=("train", "edgy"))
        self.fails("unknown model 'edgy'", stage=("export", "edgy"))

    def test_nothing_to_start_from(self):
        self.fails("edge", "no shipped model", stage=("warm",))

    def test_missing_answers(self):
        from training.answers import read_answers
        from training.errors import BadInput

        with self.assertRaisesRegex(BadInput, "edge-warm-train.npy: missing, run `answers edge-warm` first"):
            read_answers(self.runs, "edge-warm", "train", 40)

    def test_missing_peer(self):
        from training.errors import BadInput
        from training.peers import FaceApi, Human

        for peer in (FaceApi, Human):
            with self.assertRaisesRegex(BadInput, "npm ci"):
                peer(self.temporary.name)


@needs_torch
class DuplicatesTest(unittest.TestCase):
    def test_copies_are_found_and_others_are_not(self):
        from training.duplicates import find_copies

        smooth = np.random.default_rng(1).normal(size=(30, 6, 6)).repeat(8, 1).repeat(8, 2)
        faces = np.clip(128 + 40 * smooth, 0, 255).astype(np.uint8)
        brighter = np.clip(faces[3].astype(int) + 9, 0, 255).astype(np.uint8)
        found = find_copies(faces, np.stack([faces[5], faces[7][:, ::-1], brighter]))
        self.assertEqual(found.tolist(), [3, 5, 7])


@needs_torch
class NetworkTest(unittest.TestCase):
    """Folding, integers and the tfjs file against the trained form."""

    @classmethod
    def setUpClass(cls):
        from training.nets import EdgeNet, SeedNet

        torch.manual_seed(4)
        cls.nets = {"edge": EdgeNet().eval(), "seed": SeedNet(16).eval()}
        for net in cls.nets.values():
            torch.nn.init.normal_(net.head.weight, std=0.3)
            for module in net.modules():
                if hasattr(module, "running_mean"):
                    module.running_mean.normal_(0, 0.1)
                    module.running_var.uniform_(0.5, 2)
                    torch.nn.init.uniform_(module.weight, 0.5, 1.5)
        cls.faces = np.random.default_rng(5).integers(0, 256, (8, 12, 12), dtype=np.uint8).repeat(4, 1).repeat(4, 2)

    def expected(self, name, mean=128.5, std=64.0):
        from training.evaluate import predict

        return predict(self.nets[name], self.faces, mean, std)[:, :7]

    def test_folding_changes_nothing(self):
        from training.evaluate import standardise
        from training.graph import run_layers

        for name, net in self.nets.items():
            logits = run_layers(net.layers(), standardise(self.faces, 128.5, 64.0))["logits"]
            self.assertLess((logits - self.expected(name)).abs().max().item(), 1e-3)

    def test_integers_follow_the_float_network(self):
        from training.evaluate import standardise
        from training.graph import run_layers
        from training.quantize import calibrate, on_grid, quantize, run_quantized

        for name, mean, std in (("edge", 128.5, 64.0), ("seed", 120.0, 60.0)):
            # With the integers' own weights: what coarse ones cost is a trained network's matter, not these random ones'.
            layers = on_grid(self.nets[name].layers())
            network = quantize(layers, calibrate(layers, self.faces, mean, std), mean, std)
            expected = run_layers(layers, standardise(self.faces, mean, std))["logits"]
            error = (run_quantized(network, self.faces) - expected).abs().mean().item()
            self.assertLess(error, 0.12 * expected.std().item(), name)

    def test_weights_stay_within_their_layers_top(self):
        from training.quantize import round_weights

        layers = [layer for layer in self.nets["edge"].layers() if layer.weight is not None]
        self.assertEqual({layer.top for layer in layers}, {6, 7, 127})
        for layer in layers:
            steps, scales = round_weights(layer)
            self.assertEqual(np.abs(steps.astype(int)).max(), layer.top)
            error = np.abs(steps * scales.reshape(-1, 1, 1, 1) - layer.weight).reshape(len(scales), -1).max(1)
            self.assertTrue((error <= 0.501 * scales).all(), layer.name)

    def test_tfjs_files_are_consistent(self):
        import json

        from training.tfjs import write_graph

        for name, net in self.nets.items():
            with tempfile.TemporaryDirectory() as folder:
                write_graph(net.layers(), folder, "uint8")
                with open(os.path.join(folder, "model.json"), encoding="utf-8") as file:
                    model = json.load(file)
                nodes = {node["name"]: node for node in model["modelTopology"]["node"]}
                self.assertTrue(all(source in nodes for node in nodes.values() for source in node["input"]))
                self.assertIn("logits", nodes)
                width = {"uint8": 1, "float32": 4, "int32": 4}
                specs = model["weightsManifest"][0]["weights"]
                size = sum(int(np.prod(s["shape"])) * width[s.get("quantization", s)["dtype"]] for s in specs)
                self.assertEqual(size, os.path.getsize(os.path.join(folder, "weights.bin")))

    def test_edge_stays_in_its_budget(self):
        from training.graph import cost

        weights, macs = cost(self.nets["edge"].layers())
        self.assertLessEqual(weights, 1_200_000)
        self.assertLessEqual(macs, 60_000_000)


@needs_torch
class TargetsTest(unittest.TestCase):
    """What a training asks the heads for beyond the labels."""

    def trainer(self, folder, teachers=(), **changes):
        from dataclasses import replace

        from training.lessons import make_lessons
        from training.nets import EdgeNet
        from training.recipes import RECIPES
        from training.train import Trainer

        torch.manual_seed(1)
        self.targets = np.zeros((32, 14), np.float32)
        self.targets[:, 3] = 0.8
        self.targets[:16, 7] = 1  # the other half has no label of the second kind
        recipe = replace(RECIPES["edge-stable"], epochs=1, batch=16, **changes)
        lessons = make_lessons(recipe, some_faces(32), self.targets)
        return Trainer(EdgeNet(), recipe, lessons, 128.5, 64.0, folder, lambda _: {}, teachers=teachers)

    def test_teachers_answer_where_there_is_a_label(self):
        from training.nets import EdgeNet

        with tempfile.TemporaryDirectory() as folder:
            net = EdgeNet()
            teacher = lambda x: torch.softmax(net(x).float().view(len(x), 2, 7), 2)  # noqa: E731
            trainer = self.trainer(folder, teachers=[teacher], distil=0.5)
            taught = trainer.with_answers(torch.zeros(32, 1, 48, 48), torch.arange(32)).view(32, 2, 7)
            self.assertLess((taught.sum(2) - torch.as_tensor(self.targets).view(32, 2, 7).sum(2)).abs().max().item(), 1e-5)
            self.assertTrue((taught[:16, 1, 1:] > 0).all())
            self.assertEqual(taught[16:, 1].abs().max().item(), 0)


    def test_the_prior_is_the_share_of_what_is_asked_for(self):
        from training.lessons import prior_offset

        targets = np.array([[0.5, 0, 0, 0.5, 0, 0, 0], [0, 0.25, 0, 0, 0.25, 0, 0]] * 3, np.float32) + 0.01
        offset = prior_offset(targets, None, (0.5,))
        self.assertTrue(np.allclose(np.exp(offset / 0.5), targets.sum(0) / targets.sum(), atol=1e-5))

    def test_a_rare_expression_is_drawn_more_often(self):
        from training.lessons import rare_odds

        targets = np.eye(7, dtype=np.float32)[[3] * 90 + [1] * 9]
        targets = np.concatenate([targets, np.zeros((1, 7), np.float32)])
        odds = rare_odds(targets + np.float32(1e-9), 0.5)
        self.assertAlmostEqual(odds[90] / odds[0], (90 / 9) ** 0.5, places=2)
        self.assertAlmostEqual(float(odds.mean()), 1, places=3)

    def test_a_mix_is_partly_even(self):
        from training.stages import mixed_shares

        shares = np.array([0.1, 0.01, 0.04, 0.3, 0.35, 0.1, 0.1])
        np.testing.assert_allclose(mixed_shares(shares, 0.0), shares)
        np.testing.assert_allclose(mixed_shares(shares, 1.0), np.full(7, 1 / 7))
        self.assertAlmostEqual(mixed_shares(shares, 0.2)[1], 0.8 * 0.01 + 0.2 / 7)

    def test_an_unsure_teacher_says_nothing(self):
        from training.answers import sure_log

        sure, unsure = [0.97, 0.01, 0.01, 0.01, 0, 0, 0], [0.5, 0.5, 0, 0, 0, 0, 0]
        logs = sure_log(np.array([sure, unsure], np.float32), 0.9)
        self.assertGreater(logs[0, 0], logs[0, 1])
        self.assertTrue((logs[1] == 0).all())

    def test_written_answers_keep_a_faces_weight(self):
        from training.answers import mixed

        targets = np.zeros((3, 14), np.float32)
        targets[0, 3], targets[1, 9] = 0.8, 1
        taught = mixed(targets, np.full((3, 14), 1 / 7, np.float32), 0.5)
        self.assertTrue(np.allclose(taught.reshape(3, 2, 7).sum(2), targets.reshape(3, 2, 7).sum(2)))
        self.assertAlmostEqual(float(taught[0, 3]), 0.4 + 0.4 / 7, places=5)

    def test_photographs_are_what_their_teachers_say(self):
        from dataclasses import replace

        from training.lessons import make_lessons
        from training.recipes import RECIPES

        recipe = replace(RECIPES["edge-stable"], distil=0.5)
        targets = np.zeros((4, 14), np.float32)
        targets[:3, 2] = 1  # the fourth face has no label
        answers = np.full((2, 14), 0.1, np.float32)
        lessons = make_lessons(recipe, some_faces(4), targets, (some_faces(2).images, answers))
        self.assertEqual(lessons.taught.tolist(), [0.5, 0.5, 0.5, 1, 1])
        self.assertTrue((lessons.targets[3:] == answers).all())


def some_faces(count):
    from training.data import Faces

    images = np.random.default_rng(2).integers(0, 256, (count, 48, 48), dtype=np.uint8)
    return Faces(images, np.full(count, 3), np.zeros((count, 10), np.float32))


@needs_torch
class WarmTest(unittest.TestCase):
    def test_shipped_files_become_the_net_that_they_were_made_of(self):
        from training.evaluate import predict
        from training.nets import EdgeNet
        from training.tfjs import write_graph
        from training.warm import warm_edge

        torch.manual_seed(6)
        net, faces = EdgeNet(), some_faces(40).images
        for block in (net.block1, net.block2, net.block3, net.block4, net.block5):
            torch.nn.init.ones_(block.norm2.weight)
        torch.nn.init.normal_(net.head.weight, std=0.3)
        with tempfile.TemporaryDirectory() as folder:
            folders = [os.path.join(folder, str(head)) for head in (0, 1)]
            for head, path in enumerate(folders):
                os.makedirs(path)
                write_graph(net.layers(head), path, "float16")
            again = warm_edge(EdgeNet(), folders, faces, 128.5, 64.0)
        expected = predict(net, faces, 128.5, 64.0)
        self.assertLess((predict(again, faces, 128.5, 64.0) - expected).abs().max().item(), 0.01 * expected.std().item())


@needs_torch
class AugmentTest(unittest.TestCase):
    LEVEL = 1 / 64

    def spoilt(self, change, faces):
        return change(faces, torch.Generator().manual_seed(3), self.LEVEL)

    def test_every_bad_camera_keeps_the_shape_and_repeats_itself(self):
        from training import augment

        faces = torch.randn(6, 1, 48, 48, generator=torch.Generator().manual_seed(1))
        for change in (augment.light, augment.reduce, augment.blur, augment.noise, augment.jpeg):
            once = self.spoilt(change, faces)
            self.assertEqual(once.shape, faces.shape, change.__name__)
            self.assertTrue(torch.equal(once, self.spoilt(change, faces)), change.__name__)
            self.assertGreater((once - faces).abs().mean().item(), 0.01, change.__name__)

    def test_an_even_face_stays_even_but_for_noise_and_light(self):
        from training import augment

        even = torch.full((6, 1, 48, 48), 0.5)
        for change in (augment.reduce, augment.blur):
            self.assertLess((self.spoilt(change, even) - even).abs().max().item(), 1e-4, change.__name__)
        black = torch.full((6, 1, 48, 48), -128 * self.LEVEL)
        self.assertLess((self.spoilt(augment.light, black) - black).abs().max().item(), 1e-4)

    def test_spoiling_leaves_the_share_alone_that_it_is_not_asked_for(self):
        from training.augment import spoil

        faces = torch.randn(200, 1, 48, 48, generator=torch.Generator().manual_seed(1))
        spoilt = spoil(faces, torch.Generator().manual_seed(2), 0.1, self.LEVEL)
        same = (spoilt == faces).flatten(1).all(1).float().mean().item()
        self.assertTrue(0.45 < same < 0.75, same)  # 0.9 ** 5 = 0.59

    def test_one_gray_channel_as_a_product_of_matrices_is_the_convolution(self):
        from training.nets import SameConv

        conv, faces = SameConv(1, 8, 5), torch.randn(3, 1, 48, 48)
        expected = torch.nn.functional.conv2d(faces, conv.weight, padding=2)
        self.assertLess((conv(faces) - expected).abs().max().item(), 1e-4)


@needs_torch
@needs_faces
class SmokeTest(unittest.TestCase):
    def test_all_stages(self):
        result = training("smoke", timeout=SMOKE_SECONDS)
        self.assertEqual(result.returncode, 0, result.stderr[-2000:])
        self.assertIn("smoke: all stages ran", result.stdout)


if __name__ == "__main__":
    unittest.main()
